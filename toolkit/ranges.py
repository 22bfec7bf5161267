# SPDX-License-Identifier: GPL-2.0-only
"""Half-open ranges of guest-physical addresses, and the set operations that memory maps need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

PAGE = 4 * KIB
"""What one accept operation can cover at least."""

UNIT = 2 * MIB
"""What one bit of Linux's unaccepted bitmap stands for (semantics.md 3.2.2)."""


@dataclass(frozen=True, order=True)
class Range:
    """Bytes from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.end - self.start

    def contains(self, other: Range) -> bool:
        """Return whether the other range lies wholly in this one."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Range) -> bool:
        """Return whether both have a byte in common."""
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        """Return it as users write it: first address, then last address plus one, in hex."""
        return f"{self.start:#x}-{self.end:#x}"


def sized(start: int, size: int) -> Range:
    """Return the range of ``size`` bytes that begins at ``start``."""
    return Range(start, start + size)


def round_down(address: int, to: int) -> int:
    """Return the highest multiple of ``to`` (a power of two) not above ``address``."""
    return address & ~(to - 1)


def round_up(address: int, to: int) -> int:
    """Return the lowest multiple of ``to`` (a power of two) not below ``address``."""
    return (address + to - 1) & ~(to - 1)


def union(ranges: Iterable[Range]) -> list[Range]:
    """Return the same bytes as sorted ranges, of which no two touch."""
    merged: list[Range] = []
    for item in sorted(ranges):
        if item.size <= 0:
            continue
        if merged and item.start <= merged[-1].end:
            merged[-1] = Range(merged[-1].start, max(merged[-1].end, item.end))
        else:
            merged.append(item)
    return merged


def subtract(ranges: Iterable[Range], holes: Iterable[Range]) -> list[Range]:
    """Return the bytes of ``ranges`` that are in none of ``holes``, sorted and merged."""
    cuts = union(holes)
    left: list[Range] = []
    at = 0
    for item in union(ranges):
        while at < len(cuts) and cuts[at].end <= item.start:
            at += 1
        start, cut = item.start, at
        while cut < len(cuts) and cuts[cut].start < item.end:
            if start < cuts[cut].start:
                left.append(Range(start, cuts[cut].start))
            start = max(start, cuts[cut].end)
            cut += 1
        if start < item.end:
            left.append(Range(start, item.end))
    return left


def intersect(ranges: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """Return the bytes that are in both, sorted and merged."""
    first = union(ranges)
    return subtract(first, subtract(first, others))


def total(ranges: Iterable[Range]) -> int:
    """Return the number of bytes in ranges that don't overlap."""
    return sum(item.size for item in ranges)
