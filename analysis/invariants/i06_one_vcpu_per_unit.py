# SPDX-License-Identifier: GPL-2.0-only
"""I6: no two vCPUs accept one unit at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.invariant import Context, Invariant, Positions, Suspicion
from acceptlab.analysis.invariants.verdict import EXAMINED, InvariantResult, Status
from acceptlab.analysis.pages.page_states import PageStates, lengthened
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import EVER, Op
from acceptlab.analysis.pages.unaccepted import never_accepted_pages
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.trace.coverage import BLOCKS, EARLY, RESULTS
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import UNIT_SIZE, Attack, Kind

INTERLEAVED = "two vCPUs accepted one unit at the same time"
_NOBODY = -1
_JUST_NOW = 10_000_000
"""A vCPU that accepted a page of a unit this shortly before is still at it, in a guest that ends there. Instructions or nanoseconds."""


class OneVcpuPerUnit(Invariant):
    """Follows which vCPU tries to accept pages of each unit that is not finished, refused accepts among them.

    A unit may pass from one vCPU to the next once: a vCPU that was preempted, or the rest of an awkward range. The second
    time they take turns. In a guest that ended by itself, a refused accept is enough: nobody took a further turn.
    """

    name = "I6"
    title = "no two vCPUs accept one unit at once"
    rule = (
        "While a vCPU accepts the pages of a unit for the first time, no other vCPU accepts "
        "its pages; a unit may move from one vCPU to another once (Linux, accept_memory() "
        "makes the others wait)."
    )
    needs = frozenset({"accept", RESULTS, BLOCKS, EARLY})

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._vcpus: set[int] = set()
        self._states = PageStates(0)
        self._entered: list[tuple[int, Suspicion]] = []
        self._last: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._changes: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._clock: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)

    def watch(self, step: Step) -> None:
        if self.info.machine.cpus < 2 and not step.batch["vcpu"].any():
            return
        if not self.shows(RESULTS, BLOCKS, EARLY):
            return
        self._states = step.states
        self._grow(step.states.units)
        self._forget_unplugged(step)
        units, positions, lasts = self._first_accepts(step)
        refused_unit, refused = self._refused(step, units, lasts)
        if not len(units) and not len(refused):
            return
        if len(self._vcpus) < 2:
            self._vcpus |= set(np.flatnonzero(np.bincount(step.batch["vcpu"][positions])).tolist())
        if not len(refused):
            self._watch_units(step, units, positions)
            return
        with_refusals = np.isin(units, refused_unit)
        self._watch_units(step, units[~with_refusals], positions[~with_refusals])
        mine = units[with_refusals]
        touched = np.concatenate([mine, mine, refused_unit])
        when = np.concatenate([positions[with_refusals], lasts[with_refusals], refused])
        self._watch_shared(step, touched, when)

    def _first_accepts(self, step: Step) -> tuple[Positions, Positions, Positions]:
        """Units of which pages are accepted for the first time, by unit; the events that do the first and the last of these."""
        parts = []
        for one in step.entries:
            fresh = np.flatnonzero((one.op == Op.ACCEPT) & ((one.before & EVER) == 0))
            parts.append((one.unit[fresh], one.position[fresh], one.last[fresh]))
        if not parts:
            nothing = np.zeros(0, np.int64)
            return nothing, nothing, nothing
        unit, position, last = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(unit, kind="stable")
        return unit[order], position[order], last[order]

    def _refused(
        self, step: Step, units: Positions, lasts: Positions
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Refused accepts, by unit and position, in units of which pages were still unaccepted then."""
        batch = step.batch
        odd = batch.odd
        refused = self._entering(batch, odd[batch["kind"][odd] == Kind.ACCEPT]).astype(np.int64)
        unit = (batch["gpa"][refused] // np.uint64(UNIT_SIZE)).astype(np.int64)
        inside = unit < step.states.units
        refused, unit = refused[inside], unit[inside]
        if not len(refused):
            return unit, refused
        open_ = never_accepted_pages(step.states)[unit] > 0
        until = np.full(step.states.units, -1, np.int64)
        np.maximum.at(until, units, lasts)
        open_ |= until[unit] > refused
        return unit[open_], refused[open_]

    def _entering(self, batch: Batch, refused: Positions) -> Positions:
        """Refusals that come of the state of the page, not of the host or of the arguments."""
        platform = platform_of(self.info.platform)
        status = batch["result"][refused] >> np.uint64(platform.status_shift)
        mine = (batch["carry"][refused] == 1) | (status == platform.size_mismatch)
        if platform.already_accepted is not None:
            mine |= status == platform.already_accepted
        if platform.busy is not None and not self.context.attacks.has(Attack.BUSY):
            mine |= status == platform.busy
        return np.asarray(refused[mine])

    def _watch_units(self, step: Step, unit: Positions, position: Positions) -> None:
        """Entries come sorted by unit; most units see one vCPU only, and are done with."""
        if not len(unit):
            return
        vcpu = step.batch["vcpu"][position].astype(np.int32)
        starts = np.flatnonzero(np.diff(unit, prepend=-1))
        lowest = np.minimum.reduceat(vcpu, starts)
        shared = lowest != np.maximum.reduceat(vcpu, starts)
        last = self._last[unit[starts]]
        shared |= (last != lowest) & (last != _NOBODY)
        self._last[unit[starts[~shared]]] = lowest[~shared]
        counts = np.diff(np.append(starts, len(unit)))
        self._clock[unit] = step.batch["clock"][position]
        if shared.any():
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
        self._note_refused(step, unit, position, previous, changed, first)
        self._note(step, unit[changed], position[changed], previous[changed])
        last = np.ones(len(unit), np.bool_)
        last[:-1] = first[1:]
        self._last[unit[last]] = vcpu[last]
        self._clock[unit[last]] = step.batch["clock"][position[last]]

    def finish(self) -> InvariantResult:
        if self.info.machine.cpus < 2:
            return self.result(Status.NOT_APPLICABLE, "The guest has one vCPU.")
        self._settle_refused()
        if len(self._vcpus) < 2 and self.shows(*self.needs):
            who = f"only vCPU {min(self._vcpus)} did" if self._vcpus else "nobody did"
            why = f"Of the vCPUs that accept pages for the first time there are no two: {who}."
            return self.result(Status.NOT_APPLICABLE, why)
        self.looked_at = len(self._vcpus)
        told = f"Every unit was accepted by one vCPU at a time{self.context.waits.words()}."
        return self.result(Status.HOLDS, told)

    def _grow(self, units: int) -> None:
        self._last = lengthened(self._last, units, _NOBODY)
        self._changes = lengthened(self._changes, units)
        self._clock = lengthened(self._clock, units)

    def _forget_unplugged(self, step: Step) -> None:
        """Who accepts memory that is added again has nothing to do with who accepted it before."""
        if step.batch["kind"][0] == Kind.UNPLUG:
            first = int(step.batch["gpa"][0]) // UNIT_SIZE
            unplugged = slice(first, first + int(step.batch["size"][0]) // UNIT_SIZE)
            self._last[unplugged], self._changes[unplugged] = _NOBODY, 0

    def _note(self, step: Step, unit: Positions, position: Positions, previous: Positions) -> None:
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
            self._suspicion(step, int(unit[one]), int(position[one]), int(previous[one]))
            for one in found[: suspects.room]
        ]
        suspects.add(len(found), listed)

    def _suspicion(self, step: Step, unit: int, position: int, other: int) -> Suspicion:
        mine = int(step.batch["vcpu"][position])
        one = Suspicion.at(
            step.batch,
            position,
            INTERLEAVED,
            f"vCPU {mine} and vCPU {other} took turns in this unit: neither waited for the other to finish it.",
            unit * UNIT_SIZE,
            UNIT_SIZE,
        )
        one.more = {"vcpus": sorted({mine, other})}
        return one

    def _note_refused(
        self,
        step: Step,
        unit: Positions,
        position: Positions,
        previous: npt.NDArray[np.int32],
        changed: npt.NDArray[np.bool_],
        first: npt.NDArray[np.bool_],
    ) -> None:
        """Keep refused accepts by which another vCPU entered a unit just after somebody accepted a page of it."""
        clock = step.batch["clock"]
        before = np.where(first, self._clock[unit], clock[np.roll(position, 1)])
        refused = np.isin(position, step.batch.odd) & changed
        refused &= clock[position] - before < _JUST_NOW
        for at in np.flatnonzero(refused)[: EXAMINED - len(self._entered)].tolist():
            other = int(previous[at])
            one = self._suspicion(step, int(unit[at]), int(position[at]), other)
            one.explanation = f"vCPU {one.vcpu} entered this unit while vCPU {other} had not finished it, and was refused."
            self._entered.append((int(unit[at]), one))

    def _settle_refused(self) -> None:
        """Of a guest that ended, one refused accept in a unit that nobody finished is a finding."""
        if self.info.outcome == "userspace" or not self._entered:
            return
        never = never_accepted_pages(self._states)
        known = {one.gpa for one in self.suspects(INTERLEAVED).kept}
        for unit, one in self._entered:
            if never[unit] and one.gpa not in known:
                known.add(one.gpa)
                self.suspects(INTERLEAVED).add(1, [one])
