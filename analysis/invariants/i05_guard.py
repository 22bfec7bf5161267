# SPDX-License-Identifier: GPL-2.0-only
"""I5: behind every accepted end lies an accepted guard unit, or no RAM."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.answered import may_be_answered
from acceptlab.analysis.invariants.invariant import Context, Invariant, Suspicion
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.kernel.accept_arguments import FUNCTION, second, shows_size
from acceptlab.analysis.kernel.kernel_facts import END, SIZE
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import EVER, Op
from acceptlab.analysis.pages.unaccepted import BLOCK_SIZE, never_accepted_pages, units_inside
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind, Stage

MISSING = "accepted a block without the guard unit after it"

_MOST_TOLD = 1024
"""Pages that are kept to see whether faults are answered."""
REQUEST = FUNCTION
"""The function whose arguments say what the kernel wanted accepted."""


class GuardUnit(Invariant):
    """Once userspace runs, only the page allocator accepts memory, in aligned blocks of 4 MiB.

    With the guard unit an accept ends 2 MiB behind a block border. Accepted memory that ends on
    a block border, with unaccepted RAM behind it, was accepted without a guard. What was
    accepted earlier has any shape; it is judged by the requests themselves, if there is a probe
    on accept_memory(): when the call returns, for until then the memory is nobody's; at the end of
    the trace where the recorder saw no returns. A request ends with the page in which its last byte is.
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
        probes = self.info.probes
        self._probes = [index for index, probe in enumerate(probes) if probe.name == REQUEST]
        names = probes[self._probes[0]].arguments if self._probes else ()
        self._second = second(REQUEST, names, self.info.kernel.version)
        self._asked: dict[str, dict[int, int]] = {END: {}, SIZE: {}}
        self._guardless: dict[str, dict[int, int]] = {END: {}, SIZE: {}}
        self._open: dict[int, list[tuple[int, int, int]]] = {}
        self._returns = False
        self._shows_size = False

    def watch(self, step: Step) -> None:
        self._states = step.states
        if len(self._late) != step.states.units:
            self._late = np.zeros(step.states.units, np.bool_)
            self._last_seq = np.zeros(step.states.units, np.int64)
        self._watch_requests(step)
        self._watch_faults(step)
        stage = step.batch["stage"]
        late = (stage == Stage.USERSPACE) | (stage == Stage.SECOND_USERSPACE)
        if not late.any():
            return
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
        self.looked_at = len(ends) + self._requests_with_ram_behind()
        if not self.looked_at and self._requests:
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
        faults = np.flatnonzero(step.batch["kind"] == Kind.FAULT)
        if len(self._told) < _MOST_TOLD and len(faults):
            fresh = faults[may_be_answered(step.looks()[faults])]
            self._told.update(step.batch["gpa"][fresh[:_MOST_TOLD]].tolist())

    def _watch_requests(self, step: Step) -> None:
        """Follow the calls: what each vCPU asked for, and at its return whether the unit behind is accepted."""
        if not self._probes:
            return
        batch = step.batch
        entry = batch["kind"] == Kind.PROBE_ENTER
        calls = (entry | (batch["kind"] == Kind.PROBE_RETURN)) & np.isin(
            batch["detail"], self._probes
        )
        positions = np.flatnonzero(calls)
        asked = positions[entry[positions]]
        given = (batch["gpa"][asked], batch["size"][asked])
        self._shows_size = self._shows_size or shows_size(*given)
        returned = []
        for at in positions.tolist():
            stack = self._open.setdefault(int(batch["vcpu"][at]), [])
            if entry[at]:
                stack.append((int(batch["gpa"][at]), int(batch["size"][at]), int(batch["seq"][at])))
                self._note(stack[-1])
            elif stack:
                returned.append((*stack.pop(), int(batch["seq"][at])))
        if returned:
            self._returns = True
            self._judge_returns(step, returned)

    def _note(self, call: tuple[int, int, int]) -> None:
        start, given, seq = call
        for what, border in _borders(start, given):
            self._asked[what].setdefault(border, seq)

    def _judge_returns(self, step: Step, returned: list[tuple[int, int, int, int]]) -> None:
        """Units behind what was asked for that were not accepted, or not wholly, at the return."""
        never = never_accepted_pages(step.states)
        inside = units_inside(step.states, self.info.handoff.unaccepted)
        done = self._done_seq(step)
        for start, given, seq, returns in returned:
            for what, border in _borders(start, given):
                unit = border // UNIT_SIZE
                if unit >= len(inside) or not inside[unit]:
                    continue
                if never[unit] or done[unit] > returns:
                    self._guardless[what].setdefault(border, seq)

    def _done_seq(self, step: Step) -> npt.NDArray[np.int64]:
        """Per unit: the last event of this step that accepted a page of it for the first time, else -1."""
        done = np.full(step.states.units, -1, np.int64)
        for one in step.entries:
            fresh = np.flatnonzero((one.op == Op.ACCEPT) & ((one.before & EVER) == 0))
            if len(fresh):
                seq = step.batch["seq"][one.last[fresh]].astype(np.int64)
                np.maximum.at(done, one.unit[fresh], seq)
        return done

    @property
    def _kind_of_second(self) -> str:
        return self._second or (SIZE if self._shows_size else END)

    @property
    def _requests(self) -> dict[int, int]:
        return self._asked[self._kind_of_second]

    def _requests_with_ram_behind(self) -> int:
        """Requests that end at a unit of which firmware left a part unaccepted: the others need no guard unit."""
        inside = units_inside(self._states, self.info.handoff.unaccepted)
        units = np.array([border // UNIT_SIZE for border in self._requests], np.int64)
        return int(inside[units[units < len(inside)]].sum())

    def _blame_requests(self) -> None:
        guardless = self._guardless[self._kind_of_second]
        why = "When the request up to this address returned, the unit after it was unaccepted."
        if not self._returns:
            guardless = self._guardless_at_end()
            why = "The kernel requested acceptance up to this address, and the unit after it is unaccepted."
        suspects = self.suspects(REQUEST)
        listed = [
            Suspicion(MISSING, why, [guardless[border]], border, UNIT_SIZE)
            for border in sorted(guardless)[: suspects.room]
        ]
        suspects.add(len(guardless), listed)

    def _guardless_at_end(self) -> dict[int, int]:
        never = never_accepted_pages(self._states)
        inside = units_inside(self._states, self.info.handoff.unaccepted)
        return {
            border: seq
            for border, seq in self._requests.items()
            if border // UNIT_SIZE < len(inside)
            and inside[border // UNIT_SIZE]
            and never[border // UNIT_SIZE]
        }

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


def _borders(start: int, given: int) -> list[tuple[str, int]]:
    """Where a call's memory ends, if that is a border of units, for each meaning of its second argument."""
    ends = [(END, given), (SIZE, start + given)]
    whole = [(what, -(-end // PAGE_SIZE) * PAGE_SIZE) for what, end in ends]
    return [(what, end) for what, end in whole if end % UNIT_SIZE == 0]
