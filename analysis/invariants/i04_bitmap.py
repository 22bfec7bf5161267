# SPDX-License-Identifier: GPL-2.0-only
"""I4: the guest's bitmap and the true states agree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.bit_order import BitOrder
from acceptlab.analysis.invariants.invariant import Context, Invariant, Suspicion
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.page_states import PageStates, lengthened
from acceptlab.analysis.pages.snapshots import Snapshot
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.pages.unaccepted import hole_pages, never_accepted_pages
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, PAGE_STATES, RESULTS
from acceptlab.analysis.trace.schema import PAGES_PER_UNIT, UNIT_SIZE
from acceptlab.analysis.trace.value_sets import among

CLEAR_TOO_EARLY = "the bitmap says accepted, but pages of the unit are not"
CLEARED_FIRST = "a bit was cleared before its unit was accepted"
SET_TOO_LONG = "the bitmap says unaccepted, but the unit is accepted"

IN_PROGRESS_CLOCK = 10_000_000
"""A unit accepted this shortly before a snapshot may not have its bit cleared yet: the kernel
clears bits after it has accepted (semantics.md 3.3.7). Instructions or nanoseconds."""

Bool = npt.NDArray[np.bool_]


class BitmapTrue(Invariant):
    name = "I4"
    title = "the bitmap matches the page states"
    rule = (
        "A bit is cleared only after every 4 KiB page of its unit is accepted, and a set bit "
        "means that the unit is unaccepted (Linux, include/linux/efi.h and "
        "drivers/firmware/efi/unaccepted_memory.c)."
    )
    needs = frozenset({"accept", "bitmap", PAGE_STATES, RESULTS, EARLY, HANDOFF})
    looks_at = "bit for memory that firmware left unaccepted"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._accepts = _RecentAccepts()
        crashed = self.info.second is not None and self.info.second.started_by == "kdump"
        self._lasts = _LastUnits() if crashed or self.info.outcome != "userspace" else None
        self._order = BitOrder()
        self._blamed: set[int] = set()
        """Units whose bit was cleared too early: no finding of a snapshot as well."""
        self._compared = 0

    def watch(self, step: Step) -> None:
        self._accepts.watch(step)
        if self._lasts is not None:
            self._lasts.watch(step)
        bitmap = self.info.handoff.bitmap
        if bitmap is None or not self.shows("accept", RESULTS, EARLY, HANDOFF):
            return
        self._check_order(step, bitmap)
        if step.snapshot is None or step.snapshot.bits is None:
            return
        self._compared += 1
        self._compare(step, step.snapshot, step.snapshot.bits, bitmap)

    def finish(self) -> InvariantResult:
        if self.info.handoff.bitmap is None and self.shows("bitmap"):
            return self.result(Status.NOT_APPLICABLE, "The guest got no bitmap.")
        if not self._compared:
            return self.result(Status.NOT_DECIDABLE, "The run has no snapshot of the bitmap.")
        agree = f"Bitmap and page states agree in {self._compared} snapshots"
        return self.result(Status.HOLDS, f"{agree}; {self._order.summary()}.")

    def _check_order(self, step: Step, bitmap: Bitmap) -> None:
        """Suspect the stores that cleared the bit of a unit before its last page was accepted."""
        early = self._order.watch(step, bitmap, self._firmware)
        new = [one for one in early if one[1] not in self._blamed]
        self._blamed.update(unit for _, unit in new)
        self.context.wrong_bits.early.update(unit for _, unit in new)
        suspects = self.suspects(CLEARED_FIRST)
        why = (
            "Until the unit is accepted, another vCPU may find the bit clear and access the memory."
        )
        suspects.add(
            len(new),
            [
                Suspicion.at(step.batch, at, CLEARED_FIRST, why, unit * UNIT_SIZE, UNIT_SIZE)
                for at, unit in new[: suspects.room]
            ],
        )

    def _compare(self, step: Step, snapshot: Snapshot, bits: Bool, bitmap: Bitmap) -> None:
        unset, set_ = _of_units(bits, bitmap, step.states)
        never = never_accepted_pages(step.states)
        _, mixed = step.states.unit_bytes()
        holes = hole_pages(step.states)
        mine = (holes < PAGES_PER_UNIT) & self._firmware(step.states)
        self.looked_at += int(np.count_nonzero((unset | set_) & mine))
        ram_left = never > holes
        early = np.flatnonzero(unset & mine & ram_left)
        self.context.wrong_bits.early.update(early.tolist())
        early = early[~among(early, self._blamed)]
        self._blame(
            step,
            snapshot,
            CLEAR_TOO_EARLY,
            early,
            "The bit is clear, so the kernel will access the memory without accepting it.",
        )
        late = set_ & (never == 0) & ~mixed
        late &= ~self._accepts.recent(int(step.batch["clock"][-1]), step.states.units)
        self.context.wrong_bits.late.update(np.flatnonzero(late).tolist())
        if self._lasts is not None:
            late &= ~self._lasts.around(late)
        self._blame(
            step,
            snapshot,
            SET_TOO_LONG,
            np.flatnonzero(late),
            "The bit is set, so the kernel will accept the memory a second time.",
        )

    def _firmware(self, states: PageStates) -> Bool:
        """Units with memory that firmware left unaccepted; the bitmap may span more."""
        inside = np.zeros(states.units, np.bool_)
        for start, size in self.info.handoff.unaccepted:
            inside[start // UNIT_SIZE : -(-(start + size) // UNIT_SIZE)] = True
        return inside

    def _blame(
        self,
        step: Step,
        snapshot: Snapshot,
        title: str,
        units: npt.NDArray[np.intp],
        why: str,
    ) -> None:
        suspects = self.suspects((title, snapshot.number))
        listed = []
        for unit in units[: suspects.room].tolist():
            one = Suspicion.at(step.batch, -1, title, why, unit * UNIT_SIZE, UNIT_SIZE)
            one.vcpu = None
            one.more = {"snapshot": snapshot.number, "moment": snapshot.moment}
            listed.append(one)
        suspects.add(len(units), listed)


def _of_units(bits: Bool, bitmap: Bitmap, states: PageStates) -> tuple[Bool, Bool]:
    """Per 2 MiB unit of memory: its bit is there and clear; its bit is there and set."""
    unset = np.zeros(states.units, np.bool_)
    set_ = np.zeros(states.units, np.bool_)
    first = bitmap.phys_base // UNIT_SIZE
    per_bit = max(bitmap.unit_size // UNIT_SIZE, 1)
    spread = np.repeat(bits, per_bit)[: max(states.units - first, 0)]
    unset[first : first + len(spread)] = ~spread
    set_[first : first + len(spread)] = spread
    return unset, set_


class _RecentAccepts:
    """Which units are being accepted, or were just now, and when."""

    def __init__(self) -> None:
        self._clock: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)

    def watch(self, step: Step) -> None:
        self._clock = lengthened(self._clock, step.states.units)
        for one in step.entries:
            accepts = np.flatnonzero(one.op == Op.ACCEPT)
            if len(accepts):
                unit = one.unit[accepts]
                starts = np.flatnonzero(np.diff(unit, prepend=-1))
                latest = np.maximum.reduceat(one.last[accepts], starts)
                self._clock[unit[starts]] = step.batch["clock"][latest]

    def recent(self, now: int, units: int) -> Bool:
        if len(self._clock) != units:
            return np.zeros(units, np.bool_)
        return (self._clock > 0) & (self._clock + np.uint64(IN_PROGRESS_CLOCK) > np.uint64(now))


class _LastUnits:
    """The unit that each vCPU accepted last: one that died in accept_memory() could not clear the bits of its range."""

    def __init__(self) -> None:
        self._unit: dict[int, int] = {}

    def watch(self, step: Step) -> None:
        accepts = np.flatnonzero(step.ops == Op.ACCEPT)
        vcpus = step.batch["vcpu"][accepts]
        for vcpu in np.flatnonzero(np.bincount(vcpus)).tolist():
            at = accepts[np.flatnonzero(vcpus == vcpu)[-1]]
            self._unit[vcpu] = int(step.batch["gpa"][at]) // UNIT_SIZE

    def around(self, late: Bool) -> Bool:
        """Which of the units whose bit is still set lie in one piece with the last unit of a vCPU."""
        mine = np.zeros(len(late), np.bool_)
        for unit in self._unit.values():
            if unit < len(late) and late[unit]:
                before = np.flatnonzero(~late[:unit])
                behind = np.flatnonzero(~late[unit:])
                start = int(before[-1]) + 1 if len(before) else 0
                stop = unit + int(behind[0]) if len(behind) else len(late)
                mine[start:stop] = True
        return mine
