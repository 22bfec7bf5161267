# SPDX-License-Identifier: GPL-2.0-only
"""Tables of a report before any form is given to them, and how numbers are shown in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A caption, column headings, rows of texts (the first column names the row), and what has to be said about them."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Chapter:
    """Tables under one heading. ``lead`` says in a sentence what they are, and what they are not.

    ``first`` stands before it: what a reader has to know before any figure. ``key`` says what the columns' letters stand for.
    """

    heading: str
    lead: str
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    first: Sequence[str] = ()
    key: Sequence[tuple[str, str]] = ()


def shortened(text: str, letters: int) -> str:
    """A name of at most so many letters: its beginning stays, and as much of its end as there is room for."""
    if len(text) <= letters:
        return text
    end = (letters - 2) // 3
    return f"{text[: letters - 2 - end]}..{text[len(text) - end :]}"


def compact(value: float, unit: str) -> str:
    """At most seven characters: instructions as 12.3k or 4.56M, nanoseconds as 850ns, 12.3us, 4.56ms or 7.89s."""
    if unit != "ns":
        return _scaled(value, (("", 1), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)))
    return _scaled(value, (("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)))


def seconds(ns: float) -> str:
    """A time for people: three digits, in the unit that fits."""
    if ns < 120e9:
        return compact(ns, "ns").replace("us", " us").replace("ms", " ms")
    if ns < 7200e9:
        return f"{ns / 60e9:.1f} min"
    return f"{ns / 3600e9:.1f} h"


def _scaled(value: float, steps: Sequence[tuple[str, float]]) -> str:
    letter, step = next(((name, size) for name, size in reversed(steps) if value >= size), steps[0])
    scaled = value / step
    if step == 1 and float(value).is_integer():
        return f"{int(value)}{letter}"
    digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
    return f"{scaled:.{digits}f}{letter}"
