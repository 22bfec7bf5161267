# SPDX-License-Identifier: GPL-2.0-only
"""Calls of probed functions: entries and returns brought together, batch by batch.

A return belongs to the last entry of that function on that vCPU which is still open. That is exact for what cannot be
preempted, as an accept with interrupts off; a task that moves to another vCPU in between leaves an entry and a return
over, which are counted and not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_OPEN = 4096
"""Entries that may be open at a time: functions that never return (``do_exit``) must not pile up."""

ENTRY = np.dtype(
    [
        ("key", "<i8"),
        ("position", "<i8"),
        ("clock", "<u8"),
        ("stage", "u1"),
        ("caller", "<u8"),
        ("argument", "<u8"),
        ("second", "<u8"),
        ("done", "<u8"),
        ("modelled", "<u8"),
        ("where", "u1"),
    ]
)
"""One entry or return.

``key`` is probe << 16 | vcpu; ``argument`` and ``second`` are the event's gpa and size; ``done`` and ``modelled`` are what
that vCPU had accepted so far (bytes) and what a cost profile says that took (ns); ``where`` is a place in ``where.ENCLOSING``,
or its length for none.
"""
Rows = npt.NDArray[np.void]


@dataclass(frozen=True)
class Calls:
    """Finished calls: arrays of equal length, in order of their ends.

    ``begin`` and ``end`` in units of the clock; ``executed`` by this vCPU during the call, instructions, 0 where that was
    not counted; ``accepted`` by it, bytes; ``modelled`` ns.
    """

    probe: npt.NDArray[np.int64]
    vcpu: npt.NDArray[np.int64]
    begin: npt.NDArray[np.uint64]
    end: npt.NDArray[np.uint64]
    executed: npt.NDArray[np.uint64]
    stage: npt.NDArray[np.uint8]
    caller: npt.NDArray[np.uint64]
    argument: npt.NDArray[np.uint64]
    second: npt.NDArray[np.uint64]
    accepted: npt.NDArray[np.uint64]
    modelled: npt.NDArray[np.uint64]
    where: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.probe)

    @property
    def duration(self) -> npt.NDArray[np.uint64]:
        """What the call took: instructions of its own vCPU where they were counted, else the clock's way from entry to return.

        vCPUs of the emulator take turns: what others execute meanwhile moves the clock, and on hardware takes no time.
        """
        return np.where(self.executed > 0, self.executed, self.end - self.begin)


class CallPairer:
    """Keeps what is open between batches."""

    def __init__(self) -> None:
        self.open: Rows = np.zeros(0, ENTRY)
        self.lone_returns = 0
        self.dropped = 0

    @property
    def unfinished(self) -> int:
        """Entries without a return, so far."""
        return len(self.open) + self.dropped

    def pair(self, rows: Rows, enters: npt.NDArray[np.bool_]) -> Calls:
        """The calls that end in ``rows``, which are in order of the trace; ``enters`` tells entries from returns."""
        rows = np.concatenate([self.open, rows])
        enters = np.concatenate([np.ones(len(self.open), np.bool_), enters])
        level = _levels(rows["key"], enters)
        order = np.lexsort((np.arange(len(rows)), level, rows["key"]))
        key, level, enters_here = rows["key"][order], level[order], enters[order]
        match = (key[1:] == key[:-1]) & (level[1:] == level[:-1])
        match &= enters_here[:-1] & ~enters_here[1:]
        first = np.flatnonzero(match)
        paired = np.zeros(len(rows), np.bool_)
        paired[order[first]] = paired[order[first + 1]] = True
        self.lone_returns += int(np.count_nonzero(~paired & ~enters))
        still = rows[~paired & enters]
        self.dropped += max(len(still) - MOST_OPEN, 0)
        self.open = still[-MOST_OPEN:]
        by_end = np.argsort(order[first + 1], kind="stable")
        return _calls(rows[order[first]][by_end], rows[order[first + 1]][by_end])


def _levels(key: npt.NDArray[np.int64], enters: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """How deep each entry and return is nested among those of the same key."""
    order = np.argsort(key, kind="stable")
    step = np.where(enters, 1, -1)[order]
    depth = np.cumsum(step)
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    before = np.repeat(depth[starts] - step[starts], np.diff(np.append(starts, len(key))))
    level = np.empty(len(key), np.int64)
    level[order] = depth - before + np.where(step < 0, 1, 0)
    return level


def _calls(enter: Rows, leave: Rows) -> Calls:
    return Calls(
        probe=enter["key"] >> 16,
        vcpu=enter["key"] & 0xFFFF,
        begin=enter["clock"],
        end=leave["clock"],
        executed=leave["second"],
        stage=enter["stage"],
        caller=enter["caller"],
        argument=enter["argument"],
        second=enter["second"],
        accepted=leave["done"] - enter["done"],
        modelled=leave["modelled"] - enter["modelled"],
        where=enter["where"],
    )
