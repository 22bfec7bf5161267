# SPDX-License-Identifier: GPL-2.0-only
"""I9: what firmware left for the kernel to read is accepted before it is read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.invariant import Context, Invariant, Suspicion
from acceptlab.analysis.invariants.table_use import TableUse
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import STATE_MASK, State
from acceptlab.analysis.run.run_info import Blob
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF
from acceptlab.analysis.trace.schema import PAGE_SIZE

NOT_ACCEPTED = "{name} lies in memory that is not accepted"
MARKED = "the bitmap marks the memory of {name} as unaccepted"


class FirmwareData(Invariant):
    name = "I9"
    title = "firmware's data is accepted and reserved"
    rule = (
        "Table, bitmap, initrd, crash region and EFI tables are accepted before they are "
        "read, and never given to the allocator (Linux, reserve_unaccepted() and the EFI "
        "stub)."
    )
    needs = frozenset({"bitmap", EARLY, HANDOFF})

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._blobs = [blob for blob in self.info.handoff.blobs if blob.size]
        self._judged = False
        bitmap = self.info.handoff.bitmap
        self._use = TableUse(bitmap) if bitmap is not None else None
        self._set_again: list[tuple[int, Suspicion]] = []

    def watch(self, step: Step) -> None:
        if step.handoff_ends and not self._judged and self.shows(EARLY, HANDOFF):
            self._judged = True
            for blob in self._blobs:
                self._check_accepted(step, blob)
        bits = step.snapshot.bits if step.snapshot is not None else None
        if bits is not None:
            for blob in self._blobs:
                self._check_bits(step, blob, bits)
        if self._use is not None and self.shows(EARLY, HANDOFF):
            self._check_use(step, self._use)

    def settle(self) -> None:
        """Suspect bits that were set again, but for units of which the guest gave pages back."""
        for unit, one in self._set_again:
            if self._use is not None and unit not in self._use.given_back:
                self.suspects(one.title).add(1, [one])

    def finish(self) -> InvariantResult:
        if not self._blobs:
            return self.result(Status.NOT_DECIDABLE, "run.json lists no firmware data.")
        if not self._judged:
            return self.result(Status.NOT_DECIDABLE, "The trace ends before the boot handoff.")
        self.looked_at = len(self._blobs)
        told = f"{len(self._blobs)} regions of firmware data were accepted at boot handoff"
        if self._use is not None and self._use.watched:
            told += ", and nothing but cleared bits was stored to the table of unaccepted memory"
        return self.result(Status.HOLDS, f"{told}.")

    def _check_use(self, step: Step, use: TableUse) -> None:
        """Suspect what shows that the table's memory is not left to the table."""
        for misuse in use.watch(step):
            one = Suspicion.at(step.batch, misuse.position, misuse.title, misuse.why)
            if misuse.unit is None:
                self.suspects(misuse.title).add(1, [one])
            else:
                one.by_end = True
                self._set_again.append((misuse.unit, one))

    def _check_accepted(self, step: Step, blob: Blob) -> None:
        gpa = first_unaccepted(step.states, blob)
        if gpa is None:
            return
        title = NOT_ACCEPTED.format(name=blob.name)
        why = "The page is unaccepted at boot handoff: a read faults, and an accept zeroes it."
        self._add(step, title, why, gpa)

    def _check_bits(self, step: Step, blob: Blob, bits: npt.NDArray[np.bool_]) -> None:
        bitmap = self.info.handoff.bitmap
        if bitmap is None or blob.start + blob.size <= bitmap.phys_base:
            return
        first = max(blob.start - bitmap.phys_base, 0) // bitmap.unit_size
        last = (blob.start + blob.size - 1 - bitmap.phys_base) // bitmap.unit_size
        marked = np.flatnonzero(bits[first : last + 1])
        if not len(marked) or self.kinds.get(MARKED.format(name=blob.name)):
            return
        gpa = bitmap.phys_base + (first + int(marked[0])) * bitmap.unit_size
        why = "The allocator may accept this memory, which zeroes it, and reuse it."
        self._add(step, MARKED.format(name=blob.name), why, max(gpa, blob.start))

    def _add(self, step: Step, title: str, why: str, gpa: int) -> None:
        seq = int(step.batch["seq"][0])
        self.suspects(title).add(1, [Suspicion(title, why, [seq], gpa, PAGE_SIZE)])


def first_unaccepted(states: PageStates, blob: Blob) -> int | None:
    """Lowest page of ``blob`` that is not accepted, or None."""
    for gpa in range(blob.start & -PAGE_SIZE, blob.start + blob.size, PAGE_SIZE):
        if states.at(gpa) & STATE_MASK != State.ACCEPTED:
            return gpa
    return None
