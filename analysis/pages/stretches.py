# SPDX-License-Identifier: GPL-2.0-only
"""Events that do the same to one page after the other, put together.

A kernel that accepts memory in 4K pages, and a host that assigns it so, walk from page to page.
Such a stretch of hundreds of events says what one event of its whole size says; only where
something is wrong with it do its single events matter again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.records import record
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import PAGE_SIZE

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

STRIDES = (1, 2, 3, 4)
"""How far apart, in events, the steps of a walk may be: a page may be assigned, then accepted, and
only then comes the next one."""
WORTH = 4
"""Events that a stretch has to have on average: with fewer, single events are as fast."""
_SAMPLE = 2048
"""Events by which the stride of a batch is chosen."""


@record(frozen=True)
class Stretches:
    """The events of a batch that do something. Each stretch covers ``[gpa, gpa + size)``.

    ``order`` holds the positions of these events. A stretch is one of them, ``order[at]``, and its
    ``stride`` is 0; or it is an event for each of its pages in turn, ``order[at]``,
    ``order[at + stride]`` and so on, of one op, vCPU and stage.
    """

    order: I64
    gpa: U64
    size: U64
    op: U8
    at: I64
    stride: I64


def stretches_of(batch: Batch, ops: U8) -> Stretches:
    """The events of ``batch`` with an op, as stretches; all single when that is as good."""
    order = np.arange(len(ops)) if ops.all() else np.flatnonzero(ops)
    acting = _Acting.of(batch, ops, order)
    stride = acting.best_stride()
    if stride:
        follows = acting.follows(stride)
        if np.count_nonzero(follows) * WORTH >= len(order) * (WORTH - 1):
            return _joined(batch, acting, order, stride, follows)
    size = _at(batch["size"], order)
    single = np.zeros(len(order), np.int64)
    return Stretches(order, acting.gpa, size, acting.op, np.arange(len(order)), single)


@record(frozen=True)
class _Acting:
    """What a stretch is known by, of the events with an op. ``same``: columns of one value in it."""

    gpa: U64
    page_sized: Bool
    op: U8
    same: list[npt.NDArray[np.generic]]

    @classmethod
    def of(cls, batch: Batch, ops: U8, order: I64) -> _Acting:
        differing = [
            batch[name]
            for name in ("vcpu", "stage")
            if name in batch and batch[name].min() != batch[name].max()
        ]
        return cls(
            _at(batch["gpa"], order),
            _at(batch.page_sized, order),
            _at(ops, order),
            [_at(column, order) for column in differing],
        )

    def best_stride(self) -> int:
        """The stride by which most events in the middle go on; 0 if it is not most of them."""
        start = max(len(self.op) - _SAMPLE, 0) // 2
        part = slice(start, start + _SAMPLE)
        same = [column[part] for column in self.same]
        sample = _Acting(self.gpa[part], self.page_sized[part], self.op[part], same)
        counts = [np.count_nonzero(sample.follows(stride)) for stride in STRIDES]
        best = int(np.argmax(counts))
        return STRIDES[best] if 2 * counts[best] >= len(sample.op) else 0

    def follows(self, stride: int) -> Bool:
        """Which events do to the next page what the event ``stride`` before did to its page."""
        follows = np.zeros(len(self.op), np.bool_)
        if len(follows) <= stride:
            return follows
        gpa, goes_on = self.gpa, follows[stride:]
        np.equal(gpa[stride:] - gpa[:-stride], PAGE_SIZE, out=goes_on)
        goes_on &= self.page_sized[stride:]
        goes_on &= self.page_sized[:-stride]
        goes_on &= self.op[stride:] == self.op[:-stride]
        goes_on &= self.op[stride:] != Op.LOOK
        for column in self.same:
            goes_on &= column[stride:] == column[:-stride]
        used = int(np.bitwise_or.reduce(gpa))
        if used % PAGE_SIZE or used >> 63:  # not whole pages, or close to the end of all addresses
            goes_on &= (gpa[stride:] % PAGE_SIZE == 0) & (gpa[stride:] != 0)
        return follows


def _at(column: npt.NDArray[Any], order: I64) -> npt.NDArray[Any]:
    return column if len(order) == len(column) else column.take(order)


def _joined(batch: Batch, acting: _Acting, order: I64, stride: int, follows: Bool) -> Stretches:
    starts, counts = [], []
    for phase in range(stride):
        own = ~follows[phase::stride]
        begins = np.flatnonzero(own)
        starts.append(begins * stride + phase)
        counts.append(np.diff(begins, append=len(own)))
    at, count = np.concatenate(starts), np.concatenate(counts)
    walks = count > 1
    size = batch["size"][order[at]]
    size[walks] = count[walks].astype(np.uint64) * np.uint64(PAGE_SIZE)
    return Stretches(order, acting.gpa[at], size, acting.op[at], at, walks * stride)
