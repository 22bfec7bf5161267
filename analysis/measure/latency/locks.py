# SPDX-License-Identifier: GPL-2.0-only
"""Spin locks that were probed: how long they were held and waited for, and convoys of vCPUs waiting for each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.i08_lock import LOCK, UNLOCK
from acceptlab.analysis.measure.latency.histogram import Distribution, Histograms
from acceptlab.analysis.measure.latency.probed_calls import Calls
from acceptlab.analysis.run.run_info import RunInfo

_HOLD, _WAIT, _CONTENDED = range(3)
TAKEN = np.dtype([("begin", "<u8"), ("taken", "<u8"), ("released", "<u8"), ("vcpu", "<i8")])
"""One acquisition: when the vCPU began to wait, had the lock, and gave it back."""


@dataclass(frozen=True)
class LockUse:
    """One lock. Times in units of the clock. ``contended`` waits are those in which another vCPU had the lock."""

    name: str
    taken: int
    hold: Distribution | None
    wait: Distribution | None
    contended: Distribution | None
    convoys: Convoys


@dataclass(frozen=True)
class Convoys:
    """Stretches of time throughout which some vCPU waited for another, and at least two at once at some moment.

    ``longest`` and ``waited`` (over all vCPUs) in units of the clock; ``most`` is vCPUs at once.
    """

    count: int = 0
    most: int = 0
    longest: int = 0
    waited: int = 0


class LockWatch:
    """Follows the locks that a run probed."""

    def __init__(self, info: RunInfo) -> None:
        names = [probe.name for probe in info.probes]
        self._lock = np.array([i for i, name in enumerate(names) if name in LOCK], np.int64)
        self._unlock = np.array([i for i, name in enumerate(names) if name in UNLOCK], np.int64)
        functions = {*LOCK, *UNLOCK}
        self._names = {
            address: one.name
            for at, one in enumerate(info.probes)
            if one.name not in functions and names[at + 1 : at + 2] and names[at + 1] in functions
            for address in info.addresses_of(one)
        }
        self._open: dict[tuple[int, int], tuple[int, int]] = {}
        self._found: dict[int, list[npt.NDArray[np.void]]] = {}

    @property
    def functions(self) -> npt.NDArray[np.int64]:
        """Probes that are on functions of locks."""
        return np.concatenate([self._lock, self._unlock])

    def add(self, calls: Calls) -> None:
        """Take the finished calls of a batch."""
        takes = np.isin(calls.probe, self._lock)
        mine = np.flatnonzero(takes | np.isin(calls.probe, self._unlock))
        place = np.stack(
            [calls.argument[mine].astype(np.uint64), calls.vcpu[mine].astype(np.uint64)]
        )
        for lock, vcpu in np.unique(place, axis=1).T.tolist():
            chosen = mine[(place[0] == lock) & (place[1] == vcpu)]
            self._add(int(lock), int(vcpu), calls, chosen, takes[chosen])

    def uses(self) -> list[LockUse]:
        """What was seen of every lock, the longest waited for first."""
        found = [self._use(lock, np.concatenate(parts)) for lock, parts in self._found.items()]
        return sorted(found, key=lambda one: -(one.wait.total if one.wait else 0))

    def _add(
        self,
        lock: int,
        vcpu: int,
        calls: Calls,
        chosen: npt.NDArray[np.intp],
        takes: npt.NDArray[np.bool_],
    ) -> None:
        """Acquisition and release follow each other on one vCPU; the last acquisition may still be open."""
        begin, end = calls.begin[chosen], calls.end[chosen]
        if (lock, vcpu) in self._open:
            before = self._open.pop((lock, vcpu))
            begin = np.concatenate([np.array([before[0]], np.uint64), begin])
            end = np.concatenate([np.array([before[1]], np.uint64), end])
            takes = np.concatenate([[True], takes])
        if takes[-1]:
            self._open[lock, vcpu] = (int(begin[-1]), int(end[-1]))
        first = np.flatnonzero(takes[:-1] & ~takes[1:])
        if not len(first):
            return
        rows = np.zeros(len(first), TAKEN)
        rows["begin"], rows["taken"] = begin[first], end[first]
        rows["released"], rows["vcpu"] = begin[first + 1], vcpu
        self._found.setdefault(lock, []).append(rows)

    def _use(self, lock: int, rows: npt.NDArray[np.void]) -> LockUse:
        rows = rows[np.argsort(rows["taken"], kind="stable")]
        kept = np.concatenate([[False], rows["released"][:-1] > rows["begin"][1:]])
        histograms = Histograms()
        ones = np.ones(len(rows), np.int64)
        wait = rows["taken"] - rows["begin"]
        histograms.add(ones * _HOLD, rows["released"] - rows["taken"])
        histograms.add(ones * _WAIT, wait)
        histograms.add(ones[kept] * _CONTENDED, wait[kept])
        return LockUse(
            self._names.get(lock, f"{lock:#x}"),
            len(rows),
            histograms.distribution(_HOLD),
            histograms.distribution(_WAIT),
            histograms.distribution(_CONTENDED),
            convoys_of(rows["begin"][kept], rows["taken"][kept]),
        )


def convoys_of(begin: npt.NDArray[np.uint64], end: npt.NDArray[np.uint64]) -> Convoys:
    """Convoys among waits that last from ``begin`` to ``end``."""
    if not len(begin):
        return Convoys()
    time = np.concatenate([begin, end])
    step = np.concatenate([np.ones(len(begin), np.int64), -np.ones(len(end), np.int64)])
    order = np.lexsort((step, time))  # who goes leaves before who comes
    time, depth = time[order], np.cumsum(step[order])
    last = np.flatnonzero(depth == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    peak = np.maximum.reduceat(depth, first)
    held = np.concatenate([depth[:-1] * np.diff(time).astype(np.int64), [0]])
    convoy = peak >= 2
    if not convoy.any():
        return Convoys()
    lengths = (time[last] - time[first])[convoy]
    waited = np.add.reduceat(held, first)[convoy]
    return Convoys(int(convoy.sum()), int(peak.max()), int(lengths.max()), int(waited.sum()))
