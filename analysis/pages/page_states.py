# SPDX-License-Identifier: GPL-2.0-only
"""The state of every guest page as the events tell it, columnar and in bounded memory.

Each event that changes a page decides the state after it without regard to the state before
(analysis.pages.transitions), so a batch needs no loop: expand the events to blocks, sort by block, and the
state before an event is what the previous event on that block left, or what the last batch left.

State is kept for units of 2 MiB. Only a unit whose pages differ, or that this batch touches in
part, is looked at page by page; it goes back to one state as soon as its pages agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.blocks import UNIT_PAGES_SHIFT, Blocks, blocks_of
from acceptlab.analysis.pages.stretches import stretches_of
from acceptlab.analysis.pages.transitions import STATE_MASK, UNKNOWN, breaches_of, states_after
from acceptlab.analysis.records import record
from acceptlab.analysis.trace.events import BATCH_EVENTS, Batch
from acceptlab.analysis.trace.schema import PAGE_SIZE, PAGES_PER_UNIT, UNIT_SIZE

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_T = TypeVar("_T", bound=np.generic)

POSITION_BITS = BATCH_EVENTS.bit_length()
"""Low bits of a sort key that hold the position in the batch; the block is above them."""
EXPANDED_LIMIT = 16 * BATCH_EVENTS
"""Most page entries that one step may expand to; a batch with more is cut in two."""


@record(frozen=True)
class Entries:
    """Events broken down to blocks of ``size`` bytes: the position in the batch, the block's number.

    ``before`` is the state byte before the event, ``breach`` a ``Breach``. Where nothing is wrong, an
    entry may stand for many events of one op, vCPU and stage that went over the block page by
    page: from the event at ``position`` for its first page to that at ``last`` for its last. Else
    these two are the same.
    """

    position: I64
    last: I64
    block: I64
    size: int
    op: U8
    before: U8
    breach: U8

    @property
    def gpa(self) -> npt.NDArray[np.uint64]:
        """Guest physical address of each block, bytes."""
        return self.block.view(np.uint64) * np.uint64(self.size)

    @property
    def unit(self) -> I64:
        """Number of the unit that each block is, or lies in."""
        return self.block if self.size == UNIT_SIZE else self.block >> UNIT_PAGES_SHIFT

    def where(self, mask: Bool) -> Entries:
        """The entries for which ``mask`` is true."""
        return Entries(
            self.position[mask],
            self.last[mask],
            self.block[mask],
            self.size,
            self.op[mask],
            self.before[mask],
            self.breach[mask],
        )

    def moved(self, by: int) -> Entries:
        """The same entries ``by`` events later in the batch."""
        return replace(self, position=self.position + by, last=self.last + by)


class PageStates:
    """State bytes of ``[0, top)``. ``top`` is in bytes and is rounded up to a unit."""

    def __init__(self, top: int) -> None:
        self.units = -(-top // UNIT_SIZE)
        self._unit: U8 = np.zeros(self.units, np.uint8)
        self._mixed: Bool = np.zeros(self.units, np.bool_)
        # Pages of mixed units only; what is never written costs no memory.
        self._page: U8 = np.zeros((self.units, PAGES_PER_UNIT), np.uint8)

    def apply(self, batch: Batch, ops: U8) -> list[Entries]:
        """Move on by one batch. Gives its entries, at unit size and at page size.

        Events that reach beyond ``top`` act on the part below it.
        """
        if not ops.any():
            return []
        blocks = blocks_of(stretches_of(batch, ops), self.units)
        by_page = self._taken_by_page(blocks)
        small = by_page[blocks.whole_unit]
        expanded = int(np.count_nonzero(small)) * PAGES_PER_UNIT + int(blocks.part_pages.sum())
        if expanded > EXPANDED_LIMIT and len(batch) > 1:
            return self._apply_halves(batch, ops)
        whole, after = _advanced_units(blocks, ~small, self._unit)
        _store(self._unit, whole.block, after)
        entries = [whole, self._apply_pages(blocks, small, by_page & ~self._mixed)]
        return [one for one in entries if len(one.position)]

    def grow(self, top: int) -> None:
        """Go on with ``[0, top)``, bytes, where that is more: what is new is no RAM."""
        more = -(-top // UNIT_SIZE) - self.units
        if more <= 0:
            return
        page = np.zeros((self.units + more, PAGES_PER_UNIT), np.uint8)
        mixed = np.flatnonzero(self._mixed)
        page[mixed] = self._page[mixed]
        self._page = page
        self._unit = np.append(self._unit, np.zeros(more, np.uint8))
        self._mixed = np.append(self._mixed, np.zeros(more, np.bool_))
        self.units += more

    def forget(self) -> None:
        """Call the past of all RAM unknown; of everything below ``top`` when there is no RAM yet."""
        ram = (self._unit & np.uint8(STATE_MASK)) != 0
        if not ram.any() and not self._mixed.any():
            ram[:] = True
        self._unit[ram] = UNKNOWN
        pages = self._page[self._mixed]
        pages[(pages & np.uint8(STATE_MASK)) != 0] = UNKNOWN
        self._page[self._mixed] = pages

    def unit_bytes(self) -> tuple[U8, Bool]:
        """State byte of every unit, and which units are mixed (their byte means nothing)."""
        return self._unit, self._mixed

    def pages_of(self, unit: int) -> U8:
        """State bytes of the 512 pages of one unit."""
        if self._mixed[unit]:
            return np.array(self._page[unit])
        return np.full(PAGES_PER_UNIT, self._unit[unit], np.uint8)

    def at(self, gpa: int) -> int:
        """State byte of the page at ``gpa``; 0 (no RAM) beyond the top."""
        unit = gpa // UNIT_SIZE
        if unit >= self.units:
            return 0
        if self._mixed[unit]:
            return int(self._page[unit, gpa % UNIT_SIZE // PAGE_SIZE])
        return int(self._unit[unit])

    def mixed_pages(self) -> tuple[I64, U8]:
        """Numbers of the mixed units and the state bytes of their pages, shape (units, 512)."""
        units = np.flatnonzero(self._mixed)
        return units.astype(np.int64), self._page[units]

    def first_difference(self, other: PageStates, mask: int) -> int | None:
        """Lowest address, in bytes, where the bits ``mask`` differ; both have the same top."""
        bits = np.uint8(mask)
        mixed = self._mixed | other._mixed
        differ = (((self._unit ^ other._unit) & bits) != 0) & ~mixed
        for one in np.flatnonzero(mixed).tolist():
            differ[one] = ((self.pages_of(one) ^ other.pages_of(one)) & bits).any()
        if not differ.any():
            return None
        unit = int(np.argmax(differ))
        pages = (self.pages_of(unit) ^ other.pages_of(unit)) & bits
        return unit * UNIT_SIZE + int(np.argmax(pages != 0)) * PAGE_SIZE

    def _apply_halves(self, batch: Batch, ops: U8) -> list[Entries]:
        half = len(batch) // 2
        first = self.apply(batch.cut(0, half), ops[:half])
        second = self.apply(batch.cut(half, len(batch)), ops[half:])
        return first + [one.moved(half) for one in second]

    def _taken_by_page(self, blocks: Blocks) -> Bool:
        """Units whose pages have to be looked at one by one.

        Besides those whose pages differ, or are touched in part: those that events walk over,
        when something is wrong there, or when the order of two walks differs from page to page.
        """
        by_page = self._mixed.copy()
        by_page[blocks.part_unit] = True
        if blocks.whole_stride.any():
            by_page[blocks.tangled(~by_page[blocks.whole_unit])] = True
            whole, _ = _advanced_units(blocks, ~by_page[blocks.whole_unit], self._unit)
            wrong = whole.unit[whole.breach != 0]
            if len(wrong):
                by_page[np.intersect1d(wrong, blocks.whole_unit[blocks.whole_stride > 0])] = True
        return by_page

    def _apply_pages(self, blocks: Blocks, chosen: Bool, opened: Bool) -> Entries:
        self._page[opened] = self._unit[opened, np.newaxis]
        page, position, op = _sorted(*blocks.pages(chosen))
        pages = self._page.reshape(-1)
        entries, after = _advanced(page, position, position, op, pages, PAGE_SIZE)
        _store(pages, entries.block, after)
        touched = np.zeros(self.units, np.bool_)
        touched[blocks.part_unit] = True
        touched[blocks.whole_unit[chosen]] = True
        self._settle(np.flatnonzero(touched))
        return entries

    def _settle(self, units: npt.NDArray[np.intp]) -> None:
        """Units whose pages agree go back to one state."""
        pages = self._page[units]
        agree = (pages == pages[:, :1]).all(axis=1)
        self._mixed[units] = ~agree
        self._unit[units[agree]] = pages[agree, 0]


def lengthened(values: npt.NDArray[_T], units: int, fill: int = 0) -> npt.NDArray[_T]:
    """An array with one value per unit, for as many units as there are now: ``fill`` for those of memory that was plugged."""
    more = units - len(values)
    return np.append(values, np.full(more, fill, values.dtype)) if more > 0 else values


def _advanced_units(blocks: Blocks, chosen: Bool, state: U8) -> tuple[Entries, U8]:
    """Entries of the chosen whole units, and the state byte after each."""
    unit, position = blocks.whole_unit[chosen], blocks.whole_position[chosen]
    if blocks.whole_stride.any():
        order = np.lexsort((position, unit))
        unit, position = unit[order], position[order]
        op, last = blocks.whole_op[chosen][order], blocks.whole_last[chosen][order]
    else:
        unit, position, op = _sorted(unit, position, blocks.whole_op[chosen])
        last = position
    return _advanced(unit, position, last, op, state, UNIT_SIZE)


def _advanced(
    block: I64, position: I64, last: I64, op: U8, state: U8, size: int
) -> tuple[Entries, U8]:
    """Entries, and the state byte after each, for operations sorted by block and position."""
    if not len(block):
        return Entries(position, last, block, size, op, op, op), op
    first = np.empty(len(block), np.bool_)
    first[0] = True
    np.not_equal(block[1:], block[:-1], out=first[1:])
    carried = state.take(block)
    after = states_after(op, first, carried)
    before = np.empty_like(after)
    before[1:] = after[:-1]
    np.copyto(before, carried, where=first)
    return Entries(position, last, block, size, op, before, breaches_of(op, before)), after


def _store(state: U8, block: I64, after: U8) -> None:
    """Keep what the last entry of each block left."""
    if len(block):
        last = np.append(block[1:] != block[:-1], True)
        state[block[last]] = after[last]


def _sorted(block: I64, position: I64, op: U8) -> tuple[I64, I64, U8]:
    """By block, then by position. Packed into one key, which sorts faster than an argsort."""
    key = (block << POSITION_BITS) | position
    if (key[1:] > key[:-1]).all():
        return block, position, op
    # The op rides along in its own low bits.
    packed = np.sort((key << 4) | op)
    op = (packed & 15).astype(np.uint8)
    packed >>= 4
    return packed >> POSITION_BITS, packed & ((1 << POSITION_BITS) - 1), op
