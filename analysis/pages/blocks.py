# SPDX-License-Identifier: GPL-2.0-only
"""What the events of a batch cover, cut at the borders of units: whole units, and parts of units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.stretches import Stretches
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.records import record
from acceptlab.analysis.trace.schema import PAGE_SIZE, PAGES_PER_UNIT, UNIT_SIZE

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

PAGE_SHIFT = 12
UNIT_PAGES_SHIFT = 9

_NOTHING: I64 = np.zeros(0, np.int64)


@record(frozen=True)
class Blocks:
    """Whole units, and parts: runs of ``part_pages`` pages from ``part_page``, inside one unit.

    Page n of a block is touched by the event at ``order[at + n * stride]``: one event for all of it
    where the stride is 0, else an event for each page.
    """

    order: I64
    whole_unit: I64
    whole_at: I64
    whole_stride: I64
    whole_op: U8
    part_page: I64
    part_pages: I64
    part_at: I64
    part_stride: I64
    part_op: U8

    @property
    def part_unit(self) -> I64:
        return np.asarray(self.part_page >> UNIT_PAGES_SHIFT)

    @property
    def whole_position(self) -> I64:
        """Position of the first event of each whole unit."""
        return self.order[self.whole_at]

    @property
    def whole_last(self) -> I64:
        """Position of the last event of each whole unit."""
        return np.asarray(self.order[self.whole_at + self.whole_stride * (PAGES_PER_UNIT - 1)])

    def pages(self, chosen: Bool) -> tuple[I64, I64, U8]:
        """Page, position and op: one entry per page of the parts and of the chosen whole units."""
        if not chosen.any() and (self.part_pages == 1).all():
            return self.part_page, self.order[self.part_at], self.part_op
        whole = np.count_nonzero(chosen)
        start = np.concatenate([self.part_page, self.whole_unit[chosen] << UNIT_PAGES_SHIFT])
        count = np.concatenate([self.part_pages, np.full(whole, PAGES_PER_UNIT, np.int64)])
        at = np.concatenate([self.part_at, self.whole_at[chosen]])
        stride = np.concatenate([self.part_stride, self.whole_stride[chosen]])
        op = np.concatenate([self.part_op, self.whole_op[chosen]])
        page, source = _spread(start, count)
        at = at[source] + (page - start[source]) * stride[source]
        return page, self.order[at], op[source]

    def tangled(self, chosen: Bool) -> I64:
        """Units that two of the chosen blocks go over at once, not one behind the other on each page."""
        place = np.flatnonzero(chosen)
        position, last = self.whole_position[place], self.whole_last[place]
        unit, stride = self.whole_unit[place], self.whole_stride[place]
        order = np.lexsort((position, unit))
        position, last, unit, stride = position[order], last[order], unit[order], stride[order]
        meet = (unit[1:] == unit[:-1]) & (last[:-1] > position[1:])
        return np.asarray(unit[1:][meet & (stride[1:] != stride[:-1])])


def blocks_of(stretches: Stretches, units: int) -> Blocks:
    """``stretches`` cut into blocks; what is beyond ``units`` units is left out.

    A look is at the one page of its address.
    """
    gpa, size = stretches.gpa, stretches.size
    at, stride, op = stretches.at, stretches.stride, stretches.op
    top = np.uint64(units * UNIT_SIZE)
    if _all_single_pages(stretches, top):
        page = (gpa >> np.uint64(PAGE_SHIFT)).view(np.int64)
        nothing = (_NOTHING, _NOTHING, _NOTHING, op[:0])
        return Blocks(stretches.order, *nothing, page, np.ones_like(page), at, stride, op)
    gpa = np.minimum(gpa, top)
    end = gpa + np.minimum(np.maximum(size, np.uint64(1)), top - gpa)
    page = (gpa >> np.uint64(PAGE_SHIFT)).view(np.int64)
    last = ((end + np.uint64(PAGE_SIZE - 1)) >> np.uint64(PAGE_SHIFT)).view(np.int64)
    looks = op == Op.LOOK
    if looks.any():
        last[looks] = np.minimum(last[looks], page[looks] + 1)
    inside = last > page
    if not inside.all():
        page, last, at, stride = page[inside], last[inside], at[inside], stride[inside]
        op = op[inside]
    return _cut(stretches.order, page, last, at, stride, op)


def _all_single_pages(stretches: Stretches, top: np.uint64) -> bool:
    """Whether every stretch covers one whole page below ``top``."""
    gpa = stretches.gpa
    return bool(
        (stretches.size == PAGE_SIZE).all()
        and not np.bitwise_or.reduce(gpa) % PAGE_SIZE
        and gpa.max() < top
    )


def _cut(order: I64, first: I64, last: I64, at: I64, stride: I64, op: U8) -> Blocks:
    """Cut [first, last), in pages, at unit borders: a head, whole units, a tail."""
    head_unit = (first + PAGES_PER_UNIT - 1) >> UNIT_PAGES_SHIFT
    tail_unit = last >> UNIT_PAGES_SHIFT
    inside = head_unit > tail_unit  # neither end of a unit is touched
    head_end = np.where(inside, last, np.minimum(head_unit << UNIT_PAGES_SHIFT, last))
    tail_start = np.where(inside, last, np.maximum(tail_unit << UNIT_PAGES_SHIFT, head_end))
    heads = head_end > first
    tails = last > tail_start
    tail_at = at + stride * (tail_start - first)
    unit, source = _spread(head_unit, np.where(inside, 0, tail_unit - head_unit))
    before = (unit << UNIT_PAGES_SHIFT) - first[source]
    return Blocks(
        order,
        unit,
        at[source] + stride[source] * before,
        stride[source],
        op[source],
        np.concatenate([first[heads], tail_start[tails]]),
        np.concatenate([(head_end - first)[heads], (last - tail_start)[tails]]),
        np.concatenate([at[heads], tail_at[tails]]),
        np.concatenate([stride[heads], stride[tails]]),
        np.concatenate([op[heads], op[tails]]),
    )


def _spread(start: I64, count: I64) -> tuple[I64, npt.NDArray[np.intp]]:
    """start[i], start[i] + 1 ... for count[i] steps, and the i that each came from."""
    if not count.any():
        return _NOTHING, _NOTHING
    if (count == 1).all():
        return start, np.arange(len(start))
    source = np.repeat(np.arange(len(start)), count)
    ends = np.cumsum(count)
    offset = np.arange(len(source)) - np.repeat(ends - count, count)
    return start[source] + offset, source
