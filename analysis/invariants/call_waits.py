# SPDX-License-Identifier: GPL-2.0-only
"""vCPUs that wait in accept_memory(): for how long, and for which other vCPU, by the calls that a run recorded."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.kernel.accept_arguments import FUNCTION, second
from acceptlab.analysis.kernel.kernel_facts import SIZE
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.records import record
from acceptlab.analysis.run.run_info import SECOND, Probe, RunInfo
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind, Stage
from acceptlab.analysis.trace.value_sets import among

_LONG = 1_000_000
"""Instructions of its own within a call that accepts nothing: a look at the bitmap of a terabyte takes fewer."""


@record
class _Call:
    """A call that has not returned; ``low`` and ``high`` are units, the guard unit among them."""

    seq: int
    clock: int
    low: int
    high: int
    waits_for: int | None = None
    waited_until: int = 0


@record(frozen=True)
class Wait:
    """``vcpu`` waited ``clock`` units for ``other``; None: no other call overlapped."""

    clock: int
    vcpu: int
    other: int | None
    seq: int

    def words(self, unit: str) -> str:
        """Who waited for whom, and for how long."""
        reason = "for no other vCPU" if self.other is None else f"for vCPU {self.other}"
        return f"vCPU {self.vcpu} waited {self.clock:,} {unit} {reason}"


class CallWaits:
    """Follows the calls of accept_memory(), step by step; without a probe on it there is nothing to see."""

    def __init__(self, info: RunInfo) -> None:
        self._unit = "instructions" if info.clock == "instructions" else "ns"
        self._counts = info.clock == "instructions"
        self._probes = [at for at, probe in enumerate(info.probes) if probe.name == FUNCTION]
        self._sizes = {at for at in self._probes if _gives_size(info, info.probes[at])}
        self._open: dict[int, _Call] = {}
        self._accepted: dict[int, int] = {}
        self._clock = 0
        self.longest: Wait | None = None
        self.needless: Wait | None = None

    def watch(self, step: Step) -> None:
        """Take in the next events."""
        if not self._probes:
            return
        batch, kind = step.batch, step.batch["kind"]
        if (batch["detail"][batch.of(Kind.STAGE)] == Stage.SECOND_DECOMPRESSOR).any():
            self._open.clear()  # the calls of the first kernel ended with it
        calls = batch.of(Kind.PROBE_ENTER, Kind.PROBE_RETURN)
        positions = calls[among(batch["detail"][calls], self._probes)]
        accepts = batch.of(Kind.ACCEPT)
        behind = 0
        for at in positions.tolist():
            first = int(np.searchsorted(accepts, at))
            self._note_accepts(step, accepts[behind:first])
            behind = first
            if kind[at] == Kind.PROBE_ENTER:
                self._enter(step, at)
            else:
                self._leave(step, at)
        self._note_accepts(step, accepts[behind:])
        self._clock = int(batch["clock"][-1])

    def words(self) -> str:
        """The longest wait, as the end of a sentence; empty: there was none."""
        told = [one.words(self._unit) for one in (self.longest, self.needless) if one is not None]
        return f"; in accept_memory() {' and '.join(told)}" if told else ""

    def endless(self) -> list[str]:
        """A line for each call that had not returned at the end of the trace and accepted nothing, while another went on."""
        lines = []
        for vcpu, call in self._open.items():
            if self._accepted.get(vcpu, -1) > call.seq:
                continue
            others = [one for one, it in self._open.items() if one != vcpu and _overlap(it, call)]
            since = self._clock - call.clock
            if others:
                who = ", ".join(f"vCPU {one}" for one in sorted(others))
                lines.append(
                    f"vCPU {vcpu} waits in accept_memory() since event {call.seq} ({since:,} {self._unit}) for {who}, "
                    "which has not returned either"
                )
        return lines

    def _enter(self, step: Step, at: int) -> None:
        batch = step.batch
        start, given = int(batch["gpa"][at]), int(batch["size"][at])
        end = start + given if int(batch["detail"][at]) in self._sizes else given
        call = _Call(
            int(batch["seq"][at]),
            int(batch["clock"][at]),
            start // UNIT_SIZE,
            end // UNIT_SIZE + 1,
        )
        vcpu = int(batch["vcpu"][at])
        before = [one for one, it in self._open.items() if one != vcpu and _overlap(it, call)]
        call.waits_for = before[0] if before else None
        self._open[vcpu] = call

    def _leave(self, step: Step, at: int) -> None:
        batch = step.batch
        vcpu, clock = int(batch["vcpu"][at]), int(batch["clock"][at])
        call = self._open.pop(vcpu, None)
        for other in self._open.values():
            if other.waits_for == vcpu and not other.waited_until:
                other.waited_until = clock
        if call is None:
            self._open.clear()  # it began on another vCPU, and nothing tells on which
            return
        accepted = self._accepted.get(vcpu, -1) > call.seq
        if call.waits_for is not None and call.waited_until:
            self.longest = _longer(
                self.longest, Wait(call.waited_until - call.clock, vcpu, call.waits_for, call.seq)
            )
        elif self._counts and call.waits_for is None and not accepted:
            own = int(batch["size"][at])
            if own > _LONG:
                self.needless = _longer(self.needless, Wait(own, vcpu, None, call.seq))

    def _note_accepts(self, step: Step, accepts: np.typing.NDArray[np.intp]) -> None:
        if not len(accepts) or not self._open:
            return
        vcpus = step.batch["vcpu"][accepts]
        for vcpu in self._open:
            mine = accepts[vcpus == vcpu]
            if len(mine):
                self._accepted[vcpu] = int(step.batch["seq"][mine[-1]])
                call = self._open[vcpu]
                if call.waits_for is not None and not call.waited_until:
                    call.waits_for = None  # it went on beside the other


def _gives_size(info: RunInfo, probe: Probe) -> bool:
    """Whether the second argument of accept_memory() is a size in the kernel that a probe is on."""
    kernel = info.second.kernel if info.second and probe.kernel == SECOND else info.kernel
    return second(FUNCTION, probe.arguments, kernel.version) == SIZE


def _overlap(one: _Call, other: _Call) -> bool:
    return one.low < other.high and other.low < one.high


def _longer(one: Wait | None, other: Wait) -> Wait:
    return other if one is None or other.clock > one.clock else one
