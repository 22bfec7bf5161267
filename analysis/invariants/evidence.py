# SPDX-License-Identifier: GPL-2.0-only
"""What a guest did: it outweighs what its kernel's symbols and configuration suggest, and shows probes that do not work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from acceptlab.analysis.kernel.kernel_facts import (
    ACCEPT_MEMORY,
    EVERY_BOOT,
    LOCKING,
    RT_LOCKING,
    RT_UNLOCKING,
    UNACCEPTED_LOCK,
    UNLOCKING,
)
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.analysis.run.run_info import SECOND, RunInfo
from acceptlab.analysis.run.typed_json import Range
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.schema import PAGE_SIZE, ConvertTo, Kind, Stage

_KERNEL = {Stage.KERNEL, Stage.USERSPACE}
_SPIN = in_force(LOCKING + UNLOCKING + RT_LOCKING + RT_UNLOCKING)
_EVERY_BOOT = in_force(EVERY_BOOT)


class Evidence:
    """Collects, batch by batch, what the kernel did; ``unaccepted`` is what firmware left so, (start, size) in bytes."""

    def __init__(self, unaccepted: Sequence[Range] = ()) -> None:
        self.is_guest = False
        """Whether the kernel accepted, rescinded or converted a page: one that is no guest of the platform does none of it."""
        self.accepted = 0
        """Bytes of what firmware left unaccepted that the first kernel itself, not its decompressor, accepted."""
        self.fired: set[int] = set()
        """Numbers of the probes that fired."""
        self._unaccepted = unaccepted

    def watch(self, batch: Batch) -> None:
        """Take in a batch with the columns kind, stage, gpa, size, result and detail."""
        if not self.is_guest:
            self.is_guest = bool(_acts_of_a_guest(batch).any())
        self._watch_accepts(batch)
        self.fired |= set(batch["detail"][batch.of(Kind.PROBE_ENTER)].tolist())

    def _watch_accepts(self, batch: Batch) -> None:
        if not _KERNEL & batch.stages.keys():
            return
        done = (batch["kind"] == Kind.ACCEPT) & (batch["result"] == 0)
        if not batch.stages.keys() <= _KERNEL:
            done &= np.isin(batch["stage"], list(_KERNEL))
        for start, length in self._unaccepted:
            inside = done & (batch["gpa"] - np.uint64(start) < np.uint64(length))
            pages = inside & batch.page_sized
            self.accepted += int(np.count_nonzero(pages)) * PAGE_SIZE
            self.accepted += int(batch["size"][inside ^ pages].sum())


def silent_probes(info: RunInfo, seen: Evidence) -> list[str]:
    """One line for each probe that never fired although its function ran, by what the guest did.

    What only the probes of every run do not show is not decided, and no reason for doubt: nobody asked for them. Only the emulator watches addresses; other recorders list the functions that they saw.
    """
    if info.source != "emulator":
        return []
    return [
        f"The probe on {probe.name} never fired, but {why}: its address is wrong "
        "(symbols, KASLR offset), or the function is inlined."
        for number, probe in enumerate(info.probes)
        if probe.name not in info.default_probes.watched
        and probe.kernel != SECOND
        and (why := _must_have_run(probe.name, info, seen))
        and not _fired(number, info, seen)
    ]


def _must_have_run(name: str, info: RunInfo, seen: Evidence) -> str:
    """Why a function ran, or a lock was taken, in this boot; empty where that is not certain."""
    own = (
        name == UNACCEPTED_LOCK and info.series is not None
    )  # a series may accept without this lock
    if name in (ACCEPT_MEMORY, UNACCEPTED_LOCK) and seen.accepted and not own:
        return f"the kernel accepted {seen.accepted >> 20} MiB that firmware left unaccepted"
    if name in _EVERY_BOOT and info.outcome == "userspace":
        return "the kernel reached userspace"
    return ""


def _fired(number: int, info: RunInfo, seen: Evidence) -> bool:
    """Whether a probe fired; those of a lock are the functions that take and release spin locks."""
    if info.probes[number].name != UNACCEPTED_LOCK:
        return number in seen.fired
    return any(info.probes[one].name in _SPIN for one in seen.fired if one < len(info.probes))


def acts_as_guest(events: Path) -> bool:
    """Whether the kernel of a recorded run acted as a guest of its platform. Raises BadInput for a damaged file."""
    found = Evidence()
    for batch in EventFile(events).batches(("kind", "stage", "gpa", "size", "result", "detail")):
        found.watch(batch)
        if found.is_guest:
            break
    return found.is_guest


def _acts_of_a_guest(batch: Batch) -> np.typing.NDArray[np.bool_]:
    kind = batch["kind"]
    page = (kind == Kind.ACCEPT) | (kind == Kind.RESCIND) | (kind == Kind.RELEASE)
    shared = (kind == Kind.CONVERT) & (batch["detail"] == ConvertTo.SHARED)
    found: np.typing.NDArray[np.bool_] = (page | shared) & (batch["result"] == 0)
    return found & (batch["stage"] >= Stage.DECOMPRESSOR)
