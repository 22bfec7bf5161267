# SPDX-License-Identifier: GPL-2.0-only
"""Ways to falsify a trace: drop, duplicate, reorder, shift or resize an event. ``seq`` and END are made right again,
so that counting events alone does not find it."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE
from tests.analysis.synthetic import Records, renumbered

LENGTHS = (PAGE_SIZE, UNIT_SIZE, 2 * UNIT_SIZE)


def drop(records: Records, at: int) -> Records:
    return renumbered(np.delete(records, at))


def duplicate(records: Records, at: int, to: int | None = None) -> Records:
    """Once more at place ``to``, or at once."""
    return renumbered(np.insert(records, at + 1 if to is None else to, records[at]))


def reorder(records: Records, at: int, to: int) -> Records:
    """Move the event at ``at`` so that it comes to be at ``to``; clocks stay in order."""
    order = np.insert(np.delete(np.arange(len(records)), at), to, at)
    moved = renumbered(records[order])
    moved["clock"] = records["clock"]
    return moved


def swap(records: Records, at: int, other: int) -> Records:
    """Exchange two events, clocks and all."""
    swapped = records.copy()
    swapped[[at, other]] = records[[other, at]]
    return renumbered(swapped)


def shift(records: Records, at: int, by: int) -> Records:
    """Move the range by ``by`` bytes, not below 0."""
    moved = records.copy()
    moved["gpa"][at] = max(int(moved["gpa"][at]) + by, 0)
    return moved


def resize(records: Records, at: int, size: int) -> Records:
    """Give the event another size, in bytes."""
    moved = records.copy()
    moved["size"][at] = size
    return moved


def _drop(records: Records, at: int, chance: random.Random) -> Records:
    return drop(records, at)


def _duplicate(records: Records, at: int, chance: random.Random) -> Records:
    return duplicate(records, at, chance.choice([None, chance.randrange(len(records))]))


def _reorder(records: Records, at: int, chance: random.Random) -> Records:
    near = min(max(at + chance.choice([-3, -2, -1, 1, 2, 3]), 0), len(records) - 1)
    return reorder(records, at, chance.choice([near, chance.randrange(len(records))]))


def _shift(records: Records, at: int, chance: random.Random) -> Records:
    return shift(records, at, chance.choice([-1, 1]) * chance.choice(LENGTHS))


def _resize(records: Records, at: int, chance: random.Random) -> Records:
    size = int(records["size"][at])
    more = [size // 2, size * 2, size + PAGE_SIZE, max(size - PAGE_SIZE, 0), 0, *LENGTHS]
    return resize(records, at, chance.choice(more))


RANDOM: dict[str, Callable[[Records, int, random.Random], Records]] = {
    "drop": _drop,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "shift": _shift,
    "resize": _resize,
}


def at_random(records: Records, chance: random.Random) -> tuple[str, Records]:
    """One mutation that changes something, and in words what it was."""
    while True:
        name, at = chance.choice(list(RANDOM)), chance.randrange(len(records))
        mutated = RANDOM[name](records, at, chance)
        if len(mutated) != len(records) or (mutated != records).any():
            return f"{name} event {at} ({records[at]})", mutated
