# SPDX-License-Identifier: GPL-2.0-only
"""Text, line by line, with a bound on the length of a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.damage import Damaged

LONGEST = 1 << 13
"""Bytes; no line of the formats that are read here is nearly as long."""
_READ = 1 << 16
_COLOUR = re.compile(r"\x1b\[[\d;]{0,20}[A-Za-z]")


class Line(NamedTuple):
    """A line without its end; ``number`` counts from 1."""

    number: int
    text: str

    def damaged(self, why: str) -> Damaged:
        """The error that ends reading at this line."""
        return Damaged(f"line {self.number}: {why}")


class BreaksOff(Damaged):
    """The text ends in the middle of ``line``, or only its newline is missing."""

    def __init__(self, line: Line, size: int) -> None:
        super().__init__(f"line {line.number}: breaks off after {size} bytes")
        self.line = line


def plain(text: str) -> str:
    """A line without what mail, terminals and editors put around it: byte order mark, ``> ``, colours, CR."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if text.startswith("\ufeff"):
        text = text[1:]
    if text.startswith(">"):
        text = text[1:].removeprefix(" ")
    return text.rstrip("\r")


def first_lines(head: bytes) -> list[str]:
    """The whole lines of the beginning of a file, and what there is of the last."""
    return [plain(line) for line in head.decode("utf-8", "replace").split("\n")]


def lines(source: Opened) -> Iterator[Line]:
    """All whole lines, ``plain``. Raises BreaksOff behind the last of them when the text does not end there.

    Bytes that are no UTF-8 come as replacement characters.
    """
    number, rest = 0, b""
    while data := source.read(_READ):
        *whole, rest = (rest + data).split(b"\n")
        for one in whole:
            number += 1
            if len(one) > LONGEST:
                raise Damaged(f"line {number}: longer than {LONGEST} bytes")
            yield Line(number, plain(one.decode("utf-8", "replace")))
        if len(rest) > LONGEST:
            raise Damaged(f"line {number + 1}: longer than {LONGEST} bytes")
    if rest:
        raise BreaksOff(Line(number + 1, plain(rest.decode("utf-8", "replace"))), len(rest))


def take_lines(source: Opened, take: Callable[[Line], None]) -> None:
    """Give every whole line to ``take``; Damaged is reported with the line's number."""
    for line in lines(source):
        try:
            take(line)
        except Damaged as why:
            raise line.damaged(str(why)) from None
