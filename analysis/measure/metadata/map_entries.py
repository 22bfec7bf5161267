# SPDX-License-Identifier: GPL-2.0-only
"""Unaccepted memory as the entries of a memory map, sorted by address, as units are accepted one by one."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable


class Entries:
    """Maximal runs of unaccepted units, each of which is an entry of a map.

    ``splits``, ``shrinks`` and ``removals`` count what accepting one unit did to the map, ``moved`` the entries that had to
    make room or close up, as those of an array do.
    """

    def __init__(self, units: Iterable[int]) -> None:
        self._units = set(units)
        self._starts = sorted(unit for unit in self._units if unit - 1 not in self._units)
        self.most = len(self._starts)
        self.splits = self.shrinks = self.removals = self.moved = 0

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def changes(self) -> int:
        """How often the map was rewritten: once for each unit that was accepted."""
        return self.splits + self.shrinks + self.removals

    def accept(self, unit: int) -> bool:
        """Take a unit out; False if it was none of the unaccepted ones."""
        if unit not in self._units:
            return False
        self._units.remove(unit)
        below, above = unit - 1 in self._units, unit + 1 in self._units
        behind = len(self._starts) - bisect_right(self._starts, unit)
        if below and above:
            insort(self._starts, unit + 1)
            self.splits += 1
            self.moved += behind
        elif not below and not above:
            self._starts.remove(unit)
            self.removals += 1
            self.moved += behind
        else:
            self.shrinks += 1
            if above:
                self._starts[self._starts.index(unit)] = unit + 1
        self.most = max(self.most, len(self._starts))
        return True
