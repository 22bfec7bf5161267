# SPDX-License-Identifier: GPL-2.0-only
"""vCPUs that wait in accept_memory() because another vCPU accepts an overlapping range (Linux 6.6 and later)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.kernel.accept_arguments import shows_size
from acceptlab.analysis.kernel.kernel_facts import END, SIZE
from acceptlab.analysis.measure.latency.histogram import Histograms
from acceptlab.analysis.measure.latency.locks import LockUse, convoys_of
from acceptlab.analysis.measure.latency.probed_calls import Calls
from acceptlab.analysis.trace.schema import UNIT_SIZE

NAME = "overlapping ranges"
_CALL = np.dtype(
    [("begin", "<u8"), ("end", "<u8"), ("start", "<u8"), ("second", "<u8"), ("vcpu", "<i8")]
)
Units = npt.NDArray[np.uint64]
_MOST_BACK = 1024
"""How many calls before a call are looked at for one that is still going on."""


class AcceptWaits:
    """Keeps the calls of the accepting function: 40 bytes each, and there is one per 2 MiB or more.

    ``second`` is what its second argument is (analysis.kernel.accept_arguments), "" where the calls have to tell.
    """

    def __init__(self, probe: int, second: str = "") -> None:
        self._probe = probe
        self._second = second
        self._parts: list[npt.NDArray[np.void]] = []

    def add(self, calls: Calls) -> None:
        """Take the finished calls of a batch."""
        mine = np.flatnonzero(calls.probe == self._probe)
        if self._probe < 0 or not len(mine):
            return
        rows = np.zeros(len(mine), _CALL)
        rows["begin"], rows["end"] = calls.begin[mine], calls.end[mine]
        rows["vcpu"] = calls.vcpu[mine]
        rows["start"], rows["second"] = calls.argument[mine], calls.second[mine]
        self._parts.append(rows)

    def use(self) -> LockUse | None:
        """The calls as if a lock were on every unit; None when there were none, or on one vCPU only."""
        if not self._parts:
            return None
        rows = np.concatenate(self._parts)
        rows = rows[np.argsort(rows["begin"], kind="stable")]
        if len(np.unique(rows["vcpu"])) < 2:
            return None
        until = _waits_until(rows, *self._units(rows))
        kept = until > 0
        histograms = Histograms()
        waited = np.minimum(until, rows["end"])[kept] - rows["begin"][kept]
        histograms.add(np.zeros(len(waited), np.int64), waited)
        begin = rows["begin"][kept]
        found = histograms.distribution(0)
        return LockUse(NAME, len(rows), None, found, found, convoys_of(begin, begin + waited))

    def _units(self, rows: npt.NDArray[np.void]) -> tuple[Units, Units]:
        """The first unit of each call and the first behind it, which is behind the guard unit."""
        start, end = rows["start"], rows["second"]
        shows = SIZE if shows_size(start, end) else END
        if (self._second or shows) == SIZE:
            end = start + end
        unit = np.uint64(UNIT_SIZE)
        return start // unit, end // unit + np.uint64(1)


def _waits_until(rows: npt.NDArray[np.void], low: Units, high: Units) -> npt.NDArray[np.uint64]:
    """For every call, when the last call that it had to wait for ended; 0 when there was none.

    It has to wait for one that began before it on another vCPU, overlaps it, and ended before it did.
    """
    until = np.zeros(len(rows), np.uint64)
    for back in range(1, min(len(rows), _MOST_BACK + 1)):
        one, other = rows[back:], rows[:-back]
        going_on = other["end"] > one["begin"]
        if not going_on.any():
            break  # whoever spans more calls spans fewer too
        waits = going_on & (other["vcpu"] != one["vcpu"]) & (other["end"] <= one["end"])
        waits &= (low[:-back] < high[back:]) & (low[back:] < high[:-back])
        until[back:] = np.maximum(until[back:], np.where(waits, other["end"], 0))
    return until
