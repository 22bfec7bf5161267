# SPDX-License-Identifier: GPL-2.0-only
"""I8: no accept with the global lock held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.invariant import Context, Invariant
from acceptlab.analysis.invariants.requests import of_second_kernel
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.kernel.kernel_facts import (
    LOCKING,
    RT_LOCKING,
    RT_UNLOCKING,
    UNACCEPTED_LOCK,
    UNLOCKING,
)
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import EVER, Op
from acceptlab.analysis.run.run_info import FIRST, SECOND, RunInfo
from acceptlab.analysis.trace.coverage import EARLY
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import Kind, Stage
from acceptlab.analysis.trace.value_sets import among, table_of

HELD = "accepted memory with the global lock held"

LOCK, UNLOCK = in_force(LOCKING + RT_LOCKING), in_force(UNLOCKING + RT_UNLOCKING)
LOCK_NAME = UNACCEPTED_LOCK
"""run.json's probes name its address."""
_OF_KERNELS = table_of(Stage.KERNEL, Stage.USERSPACE, Stage.SECOND_KERNEL, Stage.SECOND_USERSPACE)
"""Stages in which there is such a lock; a decompressor has none."""


@dataclass(frozen=True)
class _LockProbes:
    """What a run watched of one of its kernels: numbers of the probes, and the lock's own address there."""

    lock: list[int]
    unlock: list[int]
    address: int | None

    @classmethod
    def of(cls, info: RunInfo, kernel: str) -> _LockProbes:
        """Of the run's first or second kernel; probes of neither in particular are on both."""
        mine = [(at, one) for at, one in enumerate(info.probes) if one.kernel in ("", kernel)]
        locks = [one for _, one in mine if one.name == LOCK_NAME]
        addresses = [at for one in locks for at in info.addresses_of(one, kernel)]
        return cls(
            [at for at, one in mine if one.name in LOCK],
            [at for at, one in mine if one.name in UNLOCK],
            addresses[0] if addresses else None,
        )

    @property
    def complete(self) -> bool:
        """Whether they show when the lock is held."""
        return bool(self.lock and self.unlock and self.address is not None)

    def calls(self, batch: Batch) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which events take the lock, and which release it."""
        entries = batch.of(Kind.PROBE_ENTER)
        mine = entries[batch["gpa"][entries] == np.uint64(self.address or 0)]
        locks, unlocks = np.zeros((2, len(batch)), np.bool_)
        locks[mine] = among(batch["detail"][mine], self.lock)
        unlocks[mine] = among(batch["detail"][mine], self.unlock)
        return locks, unlocks


class NoLockHeld(Invariant):
    """Needs probes on the lock functions and, to know the lock, its address among the probes.

    A probe's entry carries RDI, which is the lock. The kernel's own address of the lock is the
    link-time address plus the KASLR offset, which is another one in a second kernel.
    """

    name = "I8"
    title = "no accept with the global lock held"
    rule = (
        "Accepting takes long; under the global lock it stalls every other vCPU (Linux "
        "commit 50e782a86c98)."
    )
    needs = frozenset({"accept", "probe-enter", EARLY})
    decided_by = f"--probe-lock {UNACCEPTED_LOCK}"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._first, self._second = (_LockProbes.of(self.info, one) for one in (FIRST, SECOND))
        self._held: dict[int, bool] = {}
        self._is_second = False
        self._taken = self._accepts = 0
        self._second_taken = self._second_accepts = self._second_calls = self._second_fresh = 0

    @property
    def decidable(self) -> bool:
        """Whether the run has the probes that it takes."""
        return self._first.complete

    def watch(self, step: Step) -> None:
        if not self.decidable:
            return
        batch = step.batch
        late = of_second_kernel(batch["stage"])
        if late.any() and not self._is_second:
            self._is_second = True
            self._held.clear()  # the first kernel's lock went with it
        first, second = self._first.calls(batch), self._second.calls(batch)
        locks, unlocks = (np.where(late, its, one) for one, its in zip(first, second, strict=True))
        accepts = batch["kind"] == Kind.ACCEPT
        self._taken += int(np.count_nonzero(locks))
        self._accepts += int(np.count_nonzero(accepts & _OF_KERNELS.take(batch["stage"])))
        self._watch_second(step, late, locks, accepts)
        if not (locks.any() or unlocks.any() or any(self._held.values())):
            return
        for vcpu in np.flatnonzero(np.bincount(batch["vcpu"])).tolist():
            self._watch_vcpu(step, vcpu, locks, unlocks, accepts)

    def finish(self) -> InvariantResult:
        if not self.decidable:
            return self.result(
                Status.NOT_DECIDABLE,
                f"The run has no probes on {LOCK[0]}, {UNLOCK[0]} and {LOCK_NAME}.",
            )
        if not self._accepts:
            return self.result(Status.NOT_APPLICABLE, "The kernel accepted nothing.")
        if not self._taken and not self.info.handoff.unaccepted:
            return self.result(Status.NOT_APPLICABLE, "Firmware left nothing unaccepted.")
        if not self._taken:
            return self.result(
                Status.NOT_DECIDABLE,
                "No acquisition of the lock was recorded, so the probe may not work.",
            )
        if self._second_is_missed:
            return self.result(
                Status.NOT_DECIDABLE,
                "The second kernel accepted memory, and its lock was not watched.",
            )
        self.looked_at = self._taken
        return self.result(
            Status.HOLDS, f"The lock was taken {self._taken} times, never around an accept."
        )

    def _watch_second(
        self,
        step: Step,
        late: npt.NDArray[np.bool_],
        locks: npt.NDArray[np.bool_],
        accepts: npt.NDArray[np.bool_],
    ) -> None:
        if not late.any():
            return
        kernel = late & _OF_KERNELS.take(step.batch["stage"])
        self._second_taken += int(np.count_nonzero(locks & late))
        self._second_accepts += int(np.count_nonzero(accepts & kernel))
        self._second_calls += int(np.count_nonzero((step.batch["kind"] == Kind.PROBE_ENTER) & late))
        for one in step.entries:
            fresh = (one.op == Op.ACCEPT) & ((one.before & EVER) == 0)
            self._second_fresh += int(np.count_nonzero(fresh & kernel[one.position]))

    @property
    def _second_is_missed(self) -> bool:
        """Whether a second kernel accepted memory, and its lock was not seen.

        Without memory that nobody had accepted it may only have converted pages, which takes no lock: then it is
        enough that its probes fired at all.
        """
        if self._second_taken or not self._second_accepts:
            return False
        return bool(self._second_fresh) or not self._second_calls

    def _watch_vcpu(
        self,
        step: Step,
        vcpu: int,
        locks: npt.NDArray[np.bool_],
        unlocks: npt.NDArray[np.bool_],
        accepts: npt.NDArray[np.bool_],
    ) -> None:
        chosen = np.flatnonzero((step.batch["vcpu"] == vcpu) & (locks | unlocks | accepts))
        if not len(chosen):
            return
        edge = (locks | unlocks)[chosen]
        place = np.maximum.accumulate(np.where(edge, np.arange(len(chosen)), -1))
        held = np.where(place >= 0, locks[chosen][place], self._held.get(vcpu, False))
        self._held[vcpu] = bool(held[-1])
        self.blame(
            step,
            HELD,
            chosen[held & accepts[chosen]],
            HELD,
            "This vCPU held the lock.",
        )
