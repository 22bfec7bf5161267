# SPDX-License-Identifier: GPL-2.0-only
"""How much of what firmware left unaccepted is still so, counted from the page states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.transitions import EVER, STATE_MASK
from acceptlab.analysis.records import record
from acceptlab.analysis.run.typed_json import Range
from acceptlab.analysis.trace.schema import PAGE_SIZE, PAGES_PER_UNIT, UNIT_SIZE

BLOCK_SIZE = 4 << 20
"""What Linux lists and accepts at a time: MAX_PAGE_ORDER 10 (semantics.md 3.3.10, 3.4.3)."""
BLOCK_UNITS = BLOCK_SIZE // UNIT_SIZE

Bool = npt.NDArray[np.bool_]


@record(frozen=True)
class Remaining:
    """What is left, in bytes: ``bytes`` never accepted; the minimum and maximum that Linux counts.

    Linux counts whole blocks. ``least``: blocks of which nothing is accepted. ``most``: blocks that
    have, or are followed by, something unaccepted; a block that is accepted itself is put on the
    list when the unit behind it is not (range_contains_unaccepted_memory looks one unit ahead).
    """

    bytes: int
    least: int
    most: int


def remaining(states: PageStates, ranges: Sequence[Range]) -> Remaining:
    """What is left of ``ranges``, the memory that firmware left unaccepted."""
    never = never_accepted_pages(states)
    wanted = np.zeros(states.units, np.int64)
    total = 0
    for start, size in ranges:
        total += _inside(states, never, start, start + size, wanted)
    untouched = _by_block((wanted == PAGES_PER_UNIT) & (never == PAGES_PER_UNIT))
    return Remaining(
        total * PAGE_SIZE,
        int(untouched.all(axis=1).sum()) * BLOCK_SIZE,
        int(_listable((wanted > 0) & (never > 0)).sum()) * BLOCK_SIZE,
    )


def listable_blocks(states: PageStates, ranges: Sequence[Range], later: Bool) -> Bool:
    """Which blocks Linux would list as unaccepted, of ``ranges``; the units of ``later`` count as not accepted yet."""
    never = never_accepted_pages(states)
    wanted = np.zeros(states.units, np.int64)
    for start, size in ranges:
        _inside(states, never, start, start + size, wanted)
    return _listable((wanted > 0) & ((never > 0) | later))


def _listable(open_: Bool) -> Bool:
    """Which blocks have, or are followed by, a unit of ``open_``."""
    last = np.arange(len(open_)) % BLOCK_UNITS == BLOCK_UNITS - 1
    ahead = np.append(open_[1:], False) & last
    listable: Bool = np.asarray(_by_block(open_ | ahead).any(axis=1))
    return listable


def never_accepted_pages(states: PageStates) -> npt.NDArray[np.int64]:
    """Per unit: how many of its 512 pages have never been accepted; pages of a memory hole are among them."""
    return _pages_without(states, EVER)


def hole_pages(states: PageStates) -> npt.NDArray[np.int64]:
    """Per unit: how many of its 512 pages are no RAM."""
    return _pages_without(states, STATE_MASK)


def _pages_without(states: PageStates, bits: int) -> npt.NDArray[np.int64]:
    """Per unit: of how many pages the state byte has none of these bits."""
    unit, mixed = states.unit_bytes()
    counts = np.where((unit & bits) == 0, PAGES_PER_UNIT, 0).astype(np.int64)
    if mixed.any():
        numbers, pages = states.mixed_pages()
        counts[numbers] = ((pages & bits) == 0).sum(axis=1)
    return counts


def units_inside(states: PageStates, ranges: Sequence[Range]) -> Bool:
    """Which units lie wholly inside one of ``ranges``."""
    inside = np.zeros(states.units, np.bool_)
    for start, size in ranges:
        inside[-(-start // UNIT_SIZE) : (start + size) // UNIT_SIZE] = True
    return inside


def _inside(
    states: PageStates,
    never: npt.NDArray[np.int64],
    start: int,
    end: int,
    wanted: npt.NDArray[np.int64],
) -> int:
    """Pages of [start, end) never accepted; adds the pages of the range per unit to ``wanted``."""
    first, last = -(-start // UNIT_SIZE), min(end // UNIT_SIZE, states.units)
    total = 0
    if first < last:
        total += int(never[first:last].sum())
        wanted[first:last] += PAGES_PER_UNIT
    for low, high in _edges(start, end):
        unit = low // UNIT_SIZE
        if unit < states.units:
            pages = states.pages_of(unit)
            page = slice(low % UNIT_SIZE // PAGE_SIZE, -(-(high - unit * UNIT_SIZE) // PAGE_SIZE))
            total += int(((pages[page] & EVER) == 0).sum())
            wanted[unit] += -(-(high - low) // PAGE_SIZE)
    return total


def _edges(start: int, end: int) -> list[Range]:
    """The unaligned head and tail of [start, end), each within one unit, as (low, high)."""
    first, last = -(-start // UNIT_SIZE) * UNIT_SIZE, end // UNIT_SIZE * UNIT_SIZE
    if first > last:
        return [(start, end)]
    return [one for one in ((start, first), (last, end)) if one[0] < one[1]]


def _by_block(units: Bool) -> Bool:
    """One row per block; a block at the end that is not whole is filled up with False."""
    return np.pad(units, (0, -len(units) % BLOCK_UNITS)).reshape(-1, BLOCK_UNITS)
