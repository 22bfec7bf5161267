# SPDX-License-Identifier: GPL-2.0-only
"""I5: behind every accepted end lies an accepted guard unit, or no RAM."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.answered import may_be_answered
from acceptlab.analysis.invariants.invariant import Context, Invariant, Suspicion
from acceptlab.analysis.invariants.requests import REQUEST, RequestWatch
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.page_states import PageStates, lengthened
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import EVER, Op
from acceptlab.analysis.pages.unaccepted import BLOCK_SIZE, never_accepted_pages, units_inside
from acceptlab.analysis.run.run_info import FIRST, SECOND
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind, Stage
from acceptlab.analysis.trace.value_sets import among

MISSING = "accepted a block without the guard unit after it"

_MOST_TOLD = 1024
"""Pages that are kept to see whether faults are answered."""
_LATE = {Stage.USERSPACE, Stage.SECOND_USERSPACE}
"""Stages in which the kernel accepts what it is asked for, and no more what its own boot takes."""


class GuardUnit(Invariant):
    """Once userspace runs, only the page allocator accepts memory, in aligned blocks of 4 MiB.

    With the guard unit an accept ends 2 MiB behind a block border. Accepted memory that ends on
    a block border, with unaccepted RAM behind it, was accepted without a guard. What was
    accepted earlier has any shape; it is judged by the requests themselves, if there is a probe
    on accept_memory(). A second kernel, that of kexec or kdump, is judged as the first is.
    """

    name = "I5"
    title = "a guard unit after accepted memory"
    rule = (
        "A read may run up to 7 bytes into the next page (load_unaligned_zeropad), so the "
        "unit after any accepted range must be accepted or not RAM (Linux, "
        "drivers/firmware/efi/unaccepted_memory.c)."
    )
    needs = frozenset({"accept", "stage", RESULTS, EARLY, HANDOFF})
    by_end = True
    decided_by = "--probe accept_memory"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._late: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._last_seq: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._states = PageStates(0)
        self._told: set[int] = set()
        self._first, self._second = (RequestWatch(self.info, one) for one in (FIRST, SECOND))

    def watch(self, step: Step) -> None:
        self._states = step.states
        self._late = lengthened(self._late, step.states.units)
        self._last_seq = lengthened(self._last_seq, step.states.units)
        for watch in (self._first, self._second):
            watch.watch(step)
        self._watch_faults(step)
        stage = step.batch["stage"]
        if not _LATE & step.batch.stages.keys():
            return
        late = among(stage, _LATE)
        for one in step.entries:
            fresh = (one.op == Op.ACCEPT) & ((one.before & EVER) == 0) & late[one.position]
            unit = one.unit[fresh]
            self._late[unit] = True
            self._last_seq[unit] = step.batch["seq"][one.last[fresh]].astype(np.int64)

    def finish(self) -> InvariantResult:
        if not self.info.handoff.unaccepted:
            return self.result(Status.NOT_APPLICABLE, "Firmware left nothing unaccepted.")
        if any(self._states.at(gpa) & EVER for gpa in self._told):
            why = "The guest accepts memory on faults, which covers reads past the end of accepted memory."
            return self.result(Status.NOT_APPLICABLE, why)
        ends = self._ends()
        if self.shows(*self.needs):
            self._blame(ends[(ends + 1) * UNIT_SIZE % BLOCK_SIZE == 0])
            self._blame_requests()
        both = (self._first, self._second)
        self.looked_at = len(ends) + sum(one.with_ram_behind(self._states) for one in both)
        if self._first.is_probed and self._second.is_missed:
            return self.result(
                Status.NOT_DECIDABLE,
                "The second kernel accepted memory, and its requests were not watched.",
            )
        if not self.looked_at and any(one.requests for one in both):
            return self.result(
                Status.NOT_APPLICABLE,
                "No memory ends at memory that firmware left unaccepted, in userspace or by a request.",
            )
        if not self.looked_at:
            return self.result(
                Status.NOT_DECIDABLE,
                "No memory accepted in userspace is adjacent to unaccepted memory, and the run "
                f"has no probe on {REQUEST}.",
            )
        return self.result(
            Status.HOLDS,
            f"Every end of accepted memory has its guard unit ({self.looked_at} looked at).",
        )

    def _watch_faults(self, step: Step) -> None:
        """A page with a fault before its first accept; one that is accepted later is enough."""
        faults = step.batch.of(Kind.FAULT)
        if len(self._told) < _MOST_TOLD and len(faults):
            fresh = faults[may_be_answered(step.looks()[faults])]
            self._told.update(step.batch["gpa"][fresh[:_MOST_TOLD]].tolist())

    def _blame_requests(self) -> None:
        returns = self._first.returns or self._second.returns
        for watch in (self._first, self._second):
            guardless = watch.guardless(self._states, returns)
            why = "When the request up to this address returned, the unit after it was unaccepted."
            if not returns:
                why = "The kernel requested acceptance up to this address, and the unit after it is unaccepted."
            suspects = self.suspects(REQUEST)
            listed = [
                Suspicion(MISSING, why, [guardless[border]], border, UNIT_SIZE)
                for border in sorted(guardless)[: suspects.room]
            ]
            suspects.add(len(guardless), listed)

    def _ends(self) -> npt.NDArray[np.intp]:
        """Units accepted late, and wholly, whose next unit is unaccepted RAM."""
        never = never_accepted_pages(self._states)
        inside = units_inside(self._states, self.info.handoff.unaccepted)
        open_ = inside & (never > 0)
        behind = np.append(open_[1:], False)
        return np.flatnonzero(self._late & (never == 0) & behind)

    def _blame(self, units: npt.NDArray[np.intp]) -> None:
        suspects = self.suspects(MISSING)
        why = (
            "Accepted memory ends on a 4 MiB boundary, followed by unaccepted memory: a word "
            "read at its end extends into an unaccepted page."
        )
        listed = [
            Suspicion(
                MISSING, why, [int(self._last_seq[unit])], (unit + 1) * UNIT_SIZE - 4096, 4096
            )
            for unit in units[: suspects.room].tolist()
        ]
        suspects.add(len(units), listed)
