# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel requested of accept_memory(), call by call, and which requests returned without a guard unit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.kernel.accept_arguments import FUNCTION, second, shows_size
from acceptlab.analysis.kernel.kernel_facts import END, SIZE
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import EVER, Op
from acceptlab.analysis.pages.unaccepted import never_accepted_pages, units_inside
from acceptlab.analysis.run.run_info import SECOND, Probe, RunInfo
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind, Stage
from acceptlab.analysis.trace.value_sets import among

REQUEST = FUNCTION
"""The function whose arguments say what the kernel wanted accepted."""
Requests = dict[int, int]
"""The first request, a seq number, by the address that it ends at."""


def of_second_kernel(stage: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which events are of a second kernel, that of kexec or kdump."""
    late: npt.NDArray[np.bool_] = stage >= Stage.SECOND_DECOMPRESSOR
    return late


class RequestWatch:
    """The calls of accept_memory() of one of a run's kernels.

    A request is judged when it returns, for until then the memory is nobody's; at the end of the
    trace where the recorder saw no returns. It ends with the page in which its last byte is.
    """

    def __init__(self, info: RunInfo, kernel: str) -> None:
        self._kernel = kernel
        self._unaccepted = info.handoff.unaccepted
        probes = request_probes(info, kernel)
        self._probes = [at for at, _ in probes]
        names = probes[0][1].arguments if probes else ()
        other = info.second.kernel if kernel == SECOND and info.second else info.kernel
        self._second = second(REQUEST, names, other.version)
        self._asked: dict[str, Requests] = {END: {}, SIZE: {}}
        self._guardless: dict[str, Requests] = {END: {}, SIZE: {}}
        self._open: dict[int, list[tuple[int, int, int]]] = {}
        self._shows_size = False
        self.returns = False
        """Whether the recorder saw a call return."""
        self.called = False
        """Whether it saw any call."""
        self._accepted = False

    @property
    def requests(self) -> Requests:
        """What ends at a border of units."""
        return self._asked[self._kind_of_second]

    @property
    def is_probed(self) -> bool:
        """Whether the run has a probe on this kernel's accept_memory()."""
        return bool(self._probes)

    @property
    def is_missed(self) -> bool:
        """Whether a second kernel accepted what firmware had left unaccepted, before its userspace, and no call of it was seen."""
        return self._accepted and not self.called

    def watch(self, step: Step) -> None:
        """Follow the calls: what each vCPU asked for, and at its return whether the unit behind is accepted."""
        batch = step.batch
        mine = of_second_kernel(batch["stage"]) == (self._kernel == SECOND)
        if not mine.any():
            return
        self._watch_accepts(step)
        if not self._probes:
            return
        calls = batch.of(Kind.PROBE_ENTER, Kind.PROBE_RETURN)
        positions = calls[mine[calls] & among(batch["detail"][calls], self._probes)]
        entry = batch["kind"] == Kind.PROBE_ENTER
        asked = positions[entry[positions]]
        self.called = self.called or bool(len(asked))
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
            self.returns = True
            self._judge_returns(step, returned)

    def guardless(self, states: PageStates, at_return: bool) -> Requests:
        """Requests behind which a unit was unaccepted when they returned, or else at the end, as in ``states``."""
        if at_return:
            return self._guardless[self._kind_of_second]
        never, inside = never_accepted_pages(states), units_inside(states, self._unaccepted)
        return {
            border: seq
            for border, seq in self.requests.items()
            if border // UNIT_SIZE < len(inside)
            and inside[border // UNIT_SIZE]
            and never[border // UNIT_SIZE]
        }

    def with_ram_behind(self, states: PageStates) -> int:
        """How many requests end at a unit of which firmware left a part unaccepted: the others need no guard unit."""
        inside = units_inside(states, self._unaccepted)
        units = np.array([border // UNIT_SIZE for border in self.requests], np.int64)
        return int(inside[units[units < len(inside)]].sum())

    @property
    def _kind_of_second(self) -> str:
        return self._second or (SIZE if self._shows_size else END)

    def _watch_accepts(self, step: Step) -> None:
        early = step.batch["stage"] == Stage.SECOND_KERNEL
        if self._kernel != SECOND or self._accepted or not early.any():
            return
        for one in step.entries:
            fresh = (one.op == Op.ACCEPT) & ((one.before & EVER) == 0) & early[one.position]
            self._accepted = self._accepted or bool(fresh.any())

    def _note(self, call: tuple[int, int, int]) -> None:
        start, given, seq = call
        for what, border in _borders(start, given):
            self._asked[what].setdefault(border, seq)

    def _judge_returns(self, step: Step, returned: list[tuple[int, int, int, int]]) -> None:
        """Units behind what was asked for that were not accepted, or not wholly, at the return."""
        never = never_accepted_pages(step.states)
        inside = units_inside(step.states, self._unaccepted)
        done = done_seq(step)
        for start, given, seq, returns in returned:
            for what, border in _borders(start, given):
                unit = border // UNIT_SIZE
                if unit >= len(inside) or not inside[unit]:
                    continue
                if never[unit] or done[unit] > returns:
                    self._guardless[what].setdefault(border, seq)


def request_probes(info: RunInfo, kernel: str) -> list[tuple[int, Probe]]:
    """Return the probes on the requests of the first or of the second kernel, each with its number.

    Functions of the kernel's series that take requests count where their second argument is what accept_memory()'s is.
    """
    own = (info.series or {}).get("requests")
    named = {REQUEST, *own} if isinstance(own, dict) else {REQUEST}
    found = [
        (at, one)
        for at, one in enumerate(info.probes)
        if one.name in named and one.kernel in ("", kernel)
    ]
    found.sort(key=lambda one: one[1].name != REQUEST)
    first = found[0][1].arguments[1:2] if found else ()
    return [one for one in found if one[1].arguments[1:2] == first]


def done_seq(step: Step) -> npt.NDArray[np.int64]:
    """Per unit: the last event of this step that accepted a page of it for the first time, else -1."""
    done = np.full(step.states.units, -1, np.int64)
    for one in step.entries:
        fresh = np.flatnonzero((one.op == Op.ACCEPT) & ((one.before & EVER) == 0))
        if len(fresh):
            seq = step.batch["seq"][one.last[fresh]].astype(np.int64)
            np.maximum.at(done, one.unit[fresh], seq)
    return done


def _borders(start: int, given: int) -> list[tuple[str, int]]:
    """Where a call's memory ends, if that is a border of units, for each meaning of its second argument."""
    ends = [(END, given), (SIZE, start + given)]
    whole = [(what, -(-end // PAGE_SIZE) * PAGE_SIZE) for what, end in ends]
    return [(what, end) for what, end in whole if end % UNIT_SIZE == 0]
