# SPDX-License-Identifier: GPL-2.0-only
"""The order in which units are accepted and their bits cleared, from the stores to the table (part of I4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.page_states import Entries, PageStates
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.table_stores import Bits, stores_of
from acceptlab.analysis.pages.transitions import EVER, Op
from acceptlab.analysis.pages.unaccepted import hole_pages, never_accepted_pages
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Firmware = Callable[[PageStates], Bool]


class BitOrder:
    """Follows the stores to the table. ``watched``: they are recorded; ``cut``: not up to the end; ``cleared``: bits cleared so far."""

    def __init__(self) -> None:
        self.watched = False
        self.cut = False
        self.cleared = 0

    def watch(self, step: Step, bitmap: Bitmap, firmware: Firmware) -> list[tuple[int, int]]:
        """The units that firmware left unaccepted (``firmware``, of the states) whose bit this step cleared before their last page was accepted: (position of the store, unit)."""
        self._follow_watch(step)
        stores = stores_of(step.batch, bitmap)
        if stores is None:
            return []
        units = units_of(stores.cleared, bitmap, step.states.units)
        mine = firmware(step.states)[units.bit]
        position, unit = units.position[mine], units.bit[mine]
        self.cleared += len(unit)
        if not len(unit):
            return []
        incomplete = never_accepted_pages(step.states) > hole_pages(step.states)
        early = incomplete[unit] | (
            _last_first_accept(step.entries, step.states.units)[unit] > position
        )
        return list(zip(position[early].tolist(), unit[early].tolist(), strict=True))

    def summary(self) -> str:
        """What is known of the order, as a clause."""
        if not self.watched:
            return (
                "the trace does not show in which order units are accepted and their bits cleared"
            )
        until = ", up to the end of the watch on the table" if self.cut else ""
        return f"each of {self.cleared} bits was cleared after its unit was accepted{until}"

    def _follow_watch(self, step: Step) -> None:
        marks = step.batch.of(Kind.TABLE_WATCH)
        for begins in step.batch["detail"][marks].tolist():
            self.watched |= bool(begins)
            self.cut |= not begins


def units_of(bits: Bits, bitmap: Bitmap, units: int) -> Bits:
    """The same with numbers of 2 MiB units of memory in place of those of bits; what lies above the top of RAM is left out."""
    per_bit = max(bitmap.unit_size // UNIT_SIZE, 1)
    first = bitmap.phys_base // UNIT_SIZE + bits.bit * per_bit
    unit = (first[:, np.newaxis] + np.arange(per_bit)).reshape(-1)
    position = np.repeat(bits.position, per_bit)
    return Bits(position[unit < units], unit[unit < units])


def _last_first_accept(entries: list[Entries], units: int) -> I64:
    """Per unit: position of the last event of the step that accepted a page for the first time; -1: none did."""
    latest = np.full(units, -1, np.int64)
    for one in entries:
        fresh = (one.op == Op.ACCEPT) & ((one.before & np.uint8(EVER)) == 0)
        np.maximum.at(latest, one.unit[fresh], one.last[fresh])
    return latest
