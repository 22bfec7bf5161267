# SPDX-License-Identifier: GPL-2.0-only
"""I6: no two vCPUs accept one unit at once."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.invariants.invariant import Invariant, Positions, Suspicion
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import EVER, Op
from acceptlab.analysis.trace.coverage import BLOCKS, EARLY, RESULTS
from acceptlab.analysis.trace.schema import UNIT_SIZE

INTERLEAVED = "two vCPUs accepted one unit at the same time"
_NOBODY = -1


class OneVcpuPerUnit(Invariant):
    name = "I6"
    title = "no two vCPUs accept one unit at once"
    rule = (
        "While a vCPU accepts the pages of a unit for the first time, no other vCPU accepts "
        "pages of it; a unit may pass from one vCPU to the next once (Linux, accept_memory() "
        "makes others wait)."
    )
    needs = frozenset({"accept", RESULTS, BLOCKS, EARLY})
    _looked_at = False

    def watch(self, step: Step) -> None:
        if self.info.machine.cpus < 2 and not step.batch["vcpu"].any():
            return
        if not self.shows(RESULTS, BLOCKS, EARLY):
            return
        self._grow(step.states.units)
        for one in step.entries:
            fresh = np.flatnonzero((one.op == Op.ACCEPT) & ((one.before & EVER) == 0))
            if len(fresh):
                self._looked_at = True
                self._watch_units(step, one.unit[fresh], one.position[fresh])

    def _watch_units(self, step: Step, unit: Positions, position: Positions) -> None:
        """Entries come sorted by unit; most units see one vCPU only, and are done with."""
        vcpu = step.batch["vcpu"][position].astype(np.int32)
        starts = np.flatnonzero(np.diff(unit, prepend=-1))
        lowest = np.minimum.reduceat(vcpu, starts)
        shared = lowest != np.maximum.reduceat(vcpu, starts)
        last = self._last[unit[starts]]
        shared |= (last != lowest) & (last != _NOBODY)
        self._last[unit[starts[~shared]]] = lowest[~shared]
        if shared.any():
            counts = np.diff(np.append(starts, len(unit)))
            chosen = np.repeat(shared, counts)
            self._watch_shared(step, unit[chosen], position[chosen])

    def _watch_shared(self, step: Step, unit: Positions, position: Positions) -> None:
        order = np.lexsort((position, unit))
        unit, position = unit[order], position[order]
        vcpu = step.batch["vcpu"][position].astype(np.int32)
        first = np.ones(len(unit), np.bool_)
        first[1:] = unit[1:] != unit[:-1]
        previous = np.empty_like(vcpu)
        previous[1:] = vcpu[:-1]
        previous[first] = self._last[unit[first]]
        changed = (previous != vcpu) & (previous != _NOBODY)
        self._note(step, unit[changed], position[changed])
        last = np.ones(len(unit), np.bool_)
        last[:-1] = first[1:]
        self._last[unit[last]] = vcpu[last]

    def finish(self) -> InvariantResult:
        if self.info.machine.cpus < 2:
            return self.result(Status.NOT_APPLICABLE, "The guest has one vCPU.")
        if not self._looked_at and self.shows(*self.needs):
            return self.result(Status.NOT_APPLICABLE, "No page was accepted for the first time.")
        return self.result(Status.HOLDS, "Every unit was accepted by one vCPU at a time.")

    def _grow(self, units: int) -> None:
        if not hasattr(self, "_last"):
            self._last = np.full(units, _NOBODY, np.int32)
            self._changes = np.zeros(units, np.int32)

    def _note(self, step: Step, unit: Positions, position: Positions) -> None:
        """A second change of hands within a unit means that the vCPUs took turns."""
        rank = np.arange(len(unit))
        if len(unit):
            starts = np.flatnonzero(np.diff(unit, prepend=-1))
            rank -= np.repeat(starts, np.diff(np.append(starts, len(unit))))
        guilty = self._changes[unit] + rank == 1
        np.add.at(self._changes, unit, 1)
        suspects = self.suspects(INTERLEAVED)
        found = np.flatnonzero(guilty)
        listed = [
            Suspicion.at(
                step.batch,
                int(position[one]),
                INTERLEAVED,
                "Accepts of this unit by different vCPUs alternate: neither waited for the other.",
                int(unit[one]) * UNIT_SIZE,
                UNIT_SIZE,
            )
            for one in found[: suspects.room]
        ]
        suspects.add(len(found), listed)
