# SPDX-License-Identifier: GPL-2.0-only
"""Text, line by line, with a bound on the length of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from analysis.readers.damage import Damaged
from analysis.readers.opened import Opened

LONGEST = 1 << 13
"""Bytes; no line of the formats that are read here is nearly as long."""
_READ = 1 << 16


class Line(NamedTuple):
    """A line without its end; ``number`` counts from 1."""

    number: int
    text: str

    def damaged(self, why: str) -> Damaged:
        """The error that ends reading at this line."""
        return Damaged(f"line {self.number}: {why}")


def lines(source: Opened) -> Iterator[Line]:
    """All whole lines. Raises Damaged behind the last of them when the text does not end there.

    Bytes that are no UTF-8 come as replacement characters.
    """
    number, rest = 0, b""
    while data := source.read(_READ):
        *whole, rest = (rest + data).split(b"\n")
        for one in whole:
            number += 1
            if len(one) > LONGEST:
                raise Damaged(f"line {number}: longer than {LONGEST} bytes")
            yield Line(number, one.decode("utf-8", "replace").rstrip("\r"))
        if len(rest) > LONGEST:
            raise Damaged(f"line {number + 1}: longer than {LONGEST} bytes")
    if rest:
        raise Damaged(f"line {number + 1}: breaks off after {len(rest)} bytes")


def take_lines(source: Opened, take: Callable[[str], None]) -> None:
    """Give every whole line to ``take``; what it raises as Damaged is told with the line's number."""
    for line in lines(source):
        try:
            take(line.text)
        except Damaged as why:
            raise line.damaged(str(why)) from None
