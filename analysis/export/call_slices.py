# SPDX-License-Identifier: GPL-2.0-only
"""Probed calls as a viewer wants them: nested on their vCPU, calls of a lock's function named after the lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acceptlab.analysis.invariants.i08_lock import LOCK, UNLOCK
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import Kind

_MOST_OPEN = 64
"""Calls that are open on a vCPU: functions that never return must not pile up."""


@dataclass(frozen=True)
class CallEdge:
    """Where a call begins, with its name, arguments and the event's position in the batch, or ends (``name`` is "")."""

    clock: int
    vcpu: int
    at: int
    name: str = ""
    arguments: tuple[tuple[str, int], ...] = ()
    result: int | None = None


class CallTracks:
    """Entries and returns of one run, from batch to batch. A return closes what was called inside it, too; one without an entry is left out."""

    def __init__(self, info: RunInfo) -> None:
        self._probes = info.probes
        self._open: dict[int, list[int]] = {}
        functions = {*LOCK, *UNLOCK}
        self._locks = {
            address: one.name
            for one in info.probes
            if one.name not in functions
            for address in info.addresses_of(one)
        }

    def edges(self, batch: Batch) -> Iterator[CallEdge]:
        """Where calls begin and end, in the order of the trace."""
        kinds = batch["kind"]
        for at in np.flatnonzero(np.isin(kinds, [Kind.PROBE_ENTER, Kind.PROBE_RETURN])).tolist():
            number, vcpu, clock = (int(batch[name][at]) for name in ("detail", "vcpu", "clock"))
            calls = self._open.setdefault(vcpu, [])
            if number >= len(self._probes):
                continue
            if kinds[at] == Kind.PROBE_ENTER:
                if len(calls) < _MOST_OPEN:
                    calls.append(number)
                    yield self._begin(batch, at, number, vcpu, clock)
            elif number in calls:
                while calls.pop() != number:
                    yield CallEdge(clock, vcpu, at)
                yield CallEdge(clock, vcpu, at, result=int(batch["result"][at]))

    def end(self, clock: int) -> Iterator[CallEdge]:
        """The ends of calls that never returned."""
        for vcpu, calls in self._open.items():
            yield from (CallEdge(clock, vcpu, -1) for _ in calls)
        self._open.clear()

    def _begin(self, batch: Batch, at: int, number: int, vcpu: int, clock: int) -> CallEdge:
        probe, first = self._probes[number], int(batch["gpa"][at])
        name = probe.name
        if name in LOCK or name in UNLOCK:
            lock = self._locks.get(first, f"{first:#x}")
            name = f"{'wait for' if name in LOCK else 'release'} {lock}"
        given = zip(probe.arguments, (first, int(batch["size"][at])), strict=False)
        return CallEdge(clock, vcpu, at, name, tuple((key, value) for key, value in given if key))
