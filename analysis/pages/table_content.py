# SPDX-License-Identifier: GPL-2.0-only
"""Whether each snapshot of the bitmap is what the stores made of the one before; if not, stores are missing or wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.snapshots import Snapshot
from acceptlab.analysis.pages.table_stores import HEADER, stores_of
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import PAGE_SIZE, Kind
from acceptlab.analysis.trace.value_sets import table_of

_REPLACED_BY = table_of(Kind.CONVERT, Kind.REMOVE, Kind.ASSIGN, Kind.ATTACK, Kind.ACCEPT)
"""Kinds of events behind which a page may have other content, with no store."""


class TableContent:
    """Follows the bitmap from snapshot to snapshot, where stores to it are recorded."""

    def __init__(self, bitmap: Bitmap | None) -> None:
        self._bitmap = bitmap
        self._watched = False
        self._bits: npt.NDArray[np.bool_] | None = None

    def follow(self, batch: Batch) -> None:
        """Go on with one or more events."""
        if self._bitmap is None:
            return
        marks = batch.of(Kind.TABLE_WATCH)
        if len(marks):
            self._watched = bool(batch["detail"][marks[-1]])
        if self._watched and self._replaced(batch, self._bitmap):
            self._watched = False
        if self._bits is None or not self._watched:
            return
        stores = stores_of(batch, self._bitmap)
        if stores is not None:
            bit = np.concatenate([stores.cleared.bit, stores.set.bit])
            value = np.repeat([False, True], [len(stores.cleared.bit), len(stores.set.bit)])
            order = np.argsort(
                np.concatenate([stores.cleared.position, stores.set.position]), kind="stable"
            )
            self._bits[bit[order]] = value[order]

    def look(self, snapshot: Snapshot) -> str:
        """What is wrong with a snapshot, as a clause; nothing: an empty text."""
        bits, expected = snapshot.bits, self._bits
        self._bits = bits.copy() if bits is not None else None
        if bits is None or expected is None or not self._watched or len(bits) != len(expected):
            return ""
        if not (wrong := np.flatnonzero(bits != expected)).size:
            return ""
        return f"bit {int(wrong[0])} of the bitmap of snapshot {snapshot.number} is not what the stores to it made"

    @staticmethod
    def _replaced(batch: Batch, bitmap: Bitmap) -> bool:
        start, end = bitmap.table & -PAGE_SIZE, bitmap.table + HEADER + bitmap.size
        hit = (batch["gpa"] < np.uint64(end)) & (batch["gpa"] + batch["size"] > np.uint64(start))
        return bool((hit & _REPLACED_BY.take(batch["kind"])).any())
