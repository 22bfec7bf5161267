# SPDX-License-Identifier: GPL-2.0-only
"""The guest's unaccepted bitmap and the true page states, as the emulator saved them.

RUN/bitmap/NNNN-MOMENT.bitmap holds the bytes of Linux's table as they stood (bit n is the unit at
phys_base + n * unit size; 1 means unaccepted, semantics.md 3.2.2). NNNN-MOMENT.pages holds records of
three little-endian u64: start, size, state (``struct page_run``). NNNN is the detail of the BITMAP event.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.transitions import STATE_MASK, ops_of
from acceptlab.analysis.records import record
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import NO_CARRY, Kind

PAGE_RUN = np.dtype([("start", "<u8"), ("size", "<u8"), ("state", "<u8")])
_KIND_OF_STATE = np.array([Kind.RAM, Kind.ASSIGN, Kind.LAUNCH], np.uint8)
"""Page states of a snapshot (host, unaccepted, accepted) as events that lead to them."""


@record(frozen=True)
class Snapshot:
    """One moment. ``bits`` has one bool per unit, or is None when there is no bitmap."""

    number: int
    moment: str
    bits: npt.NDArray[np.bool_] | None
    runs: npt.NDArray[np.void] | None


def read_snapshot(folder: Path, number: int) -> Snapshot:
    """The snapshot with this number; whatever is not there is None. Raises BadInput if damaged."""
    bitmaps = sorted(folder.glob(f"{number:04d}-*.bitmap"))
    pages = sorted(folder.glob(f"{number:04d}-*.pages"))
    moment = next((one.stem.split("-", 1)[1] for one in (*bitmaps, *pages)), "")
    bits = _bits(bitmaps[0]) if bitmaps else None
    runs = _runs(pages[0]) if pages else None
    return Snapshot(number, moment, bits, runs)


def disagreement(snapshot: Snapshot, states: PageStates) -> int | None:
    """Lowest address whose state in the snapshot is not what the events say, or None.

    Address in bytes, at unit size or page size. None also when the snapshot has no states.
    """
    if snapshot.runs is None:
        return None
    true = PageStates(states.units * (2 << 20))
    batch = _as_events(snapshot.runs)
    true.apply(batch, ops_of(batch))
    return true.first_difference(states, STATE_MASK)


def _as_events(runs: npt.NDArray[np.void]) -> Batch:
    count = len(runs)
    zeros = np.zeros(count, np.uint64)
    return Batch(
        0,
        {
            "kind": _KIND_OF_STATE[runs["state"].astype(np.int64)],
            "gpa": np.ascontiguousarray(runs["start"]),
            "size": np.ascontiguousarray(runs["size"]),
            "result": zeros,
            "detail": zeros,
            "carry": np.full(count, NO_CARRY, np.uint8),
        },
    )


def _bits(path: Path) -> npt.NDArray[np.bool_]:
    data = np.fromfile(path, np.uint8)
    return np.unpackbits(data, bitorder="little").astype(np.bool_)


def _runs(path: Path) -> npt.NDArray[np.void]:
    if path.stat().st_size % PAGE_RUN.itemsize:
        raise BadInput(f"{path} is truncated: it does not hold whole records")
    runs = np.fromfile(path, PAGE_RUN)
    if len(runs) and int(runs["state"].max()) >= len(_KIND_OF_STATE):
        raise BadInput(f"{path} is damaged: it holds an unknown page state")
    return runs
