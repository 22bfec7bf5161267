# SPDX-License-Identifier: GPL-2.0-only
"""What happens to the memory of the table of unaccepted memory, besides that bits are cleared (part of I9)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.table_stores import HEADER, TableStores, stores_of
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.pages.unaccepted import never_accepted_pages
from acceptlab.analysis.records import record
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind
from acceptlab.analysis.trace.value_sets import distinct

HEADER_CHANGED = "the header of the unaccepted-memory table was changed"
BITS_SET = "a store set bits of accepted memory in the unaccepted-memory table"
REUSED = "the memory of the unaccepted-memory table is used for something else"
GIVEN_BACK = "the memory of the unaccepted-memory table was given back to the host"

_WHY = {
    HEADER_CHANGED: "Nothing writes to the header once the kernel runs: the table's memory is in use by something else.",
    BITS_SET: "Linux only clears bits: the store is of something else, and the kernel will accept the memory a second time.",
    REUSED: "Code was executed there, or too much else was stored there, so that the watch on the table ended.",
    GIVEN_BACK: "The table is lost, and the kernel goes on reading it.",
}


@record(frozen=True)
class Misuse:
    """One event, by its position in the step, that shows that the table is not left alone. ``unit``: whose bit was set, or None."""

    position: int
    title: str
    why: str
    unit: int | None = None


class TableUse:
    """Follows what happens to the table's memory. ``watched``: stores to it are recorded."""

    def __init__(self, bitmap: Bitmap) -> None:
        self._bitmap = bitmap
        self.watched = False
        self.given_back: set[int] = set()
        """Units of which the guest gave some page back: their bits may rightly be set again."""

    def watch(self, step: Step) -> list[Misuse]:
        """What this step shows."""
        found = []
        marks = step.batch.of(Kind.TABLE_WATCH)
        for at in marks.tolist():
            begins = bool(step.batch["detail"][at])
            self.watched |= begins
            if not begins:
                found.append(_misuse(at, REUSED))
        found += self._given_back(step)
        stores = stores_of(step.batch, self._bitmap)
        if stores is not None:
            found += [_misuse(int(at), HEADER_CHANGED) for at in stores.header]
            found += self._set(step, stores)
        return found

    def _set(self, step: Step, stores: TableStores) -> list[Misuse]:
        """The first store to set each bit of a unit that is accepted; such bits beyond RAM stand for no memory."""
        never, found, seen = never_accepted_pages(step.states), [], set()
        first, per_bit = self._bitmap.phys_base // UNIT_SIZE, self._bitmap.unit_size // UNIT_SIZE
        for at, bit in zip(stores.set.position.tolist(), stores.set.bit.tolist(), strict=True):
            unit = first + bit * per_bit
            if unit not in seen and (unit >= step.states.units or never[unit] == 0):
                seen.add(unit)
                found.append(_misuse(at, BITS_SET, unit))
        return found

    def _given_back(self, step: Step) -> list[Misuse]:
        if not _gives_back(step.ops).any():
            return []
        start = self._bitmap.table & -PAGE_SIZE
        end = self._bitmap.table + HEADER + self._bitmap.size
        found: list[int] = []
        for one in step.entries:
            back = one.where(_gives_back(one.op))
            self.given_back.update(distinct(back.unit).tolist())
            gpa: npt.NDArray[np.uint64] = back.gpa
            hit = (gpa < np.uint64(end)) & (gpa + np.uint64(one.size) > np.uint64(start))
            found += back.position[hit].tolist()
        return [_misuse(min(found), GIVEN_BACK)] if found else []


def _gives_back(op: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return np.asarray((op == Op.SHARE) | (op == Op.RESCIND))


def _misuse(position: int, title: str, unit: int | None = None) -> Misuse:
    return Misuse(position, title, _WHY[title], unit)
