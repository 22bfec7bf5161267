# SPDX-License-Identifier: GPL-2.0-only
"""I8: no accept with the global lock held."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.invariant import Context, Invariant
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
from acceptlab.analysis.trace.coverage import EARLY
from acceptlab.analysis.trace.schema import Kind, Stage

HELD = "accepted memory with the global lock held"

LOCK, UNLOCK = in_force(LOCKING + RT_LOCKING), in_force(UNLOCKING + RT_UNLOCKING)
LOCK_NAME = UNACCEPTED_LOCK
"""run.json's probes name its address."""
_OF_KERNELS = (Stage.KERNEL, Stage.USERSPACE, Stage.SECOND_KERNEL, Stage.SECOND_USERSPACE)
"""Stages in which there is such a lock; a decompressor has none."""


class NoLockHeld(Invariant):
    """Needs probes on the lock functions and, to know the lock, its address among the probes.

    A probe's entry carries RDI, which is the lock. The kernel's own address of the lock is the
    link-time address plus the KASLR offset.
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
        names = [probe.name for probe in self.info.probes]
        self._lock = [index for index, name in enumerate(names) if name in LOCK]
        self._unlock = [index for index, name in enumerate(names) if name in UNLOCK]
        addresses = [one.address for one in self.info.probes if one.name == LOCK_NAME]
        offset = self.info.kaslr_offset
        self._address = (addresses[0] + offset) % (1 << 64) if addresses else None
        self._held: dict[int, bool] = {}
        self._taken = self._accepts = 0
        self._second_taken = self._second_accepts = 0

    @property
    def decidable(self) -> bool:
        """Whether the run has the probes that it takes."""
        return bool(self._lock and self._unlock and self._address is not None)

    def watch(self, step: Step) -> None:
        if not self.decidable:
            return
        batch = step.batch
        entered = batch["kind"] == Kind.PROBE_ENTER
        mine = entered & (batch["gpa"] == np.uint64(self._address or 0))
        locks = mine & np.isin(batch["detail"], self._lock)
        unlocks = mine & np.isin(batch["detail"], self._unlock)
        accepts = batch["kind"] == Kind.ACCEPT
        self._taken += int(np.count_nonzero(locks))
        self._accepts += int(np.count_nonzero(accepts & np.isin(batch["stage"], _OF_KERNELS)))
        second = batch["stage"] >= Stage.SECOND_KERNEL
        if second.any():
            self._second_taken += int(np.count_nonzero(locks & second))
            self._second_accepts += int(np.count_nonzero(accepts & second))
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
        if self._second_accepts and not self._second_taken:
            return self.result(
                Status.NOT_DECIDABLE,
                "The second kernel accepted memory, and its lock was not watched.",
            )
        self.looked_at = self._taken
        return self.result(
            Status.HOLDS, f"The lock was taken {self._taken} times, never around an accept."
        )

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
