# SPDX-License-Identifier: GPL-2.0-only
"""What acceptance cost: operations, bytes and the clock, by stage and by caller. Facts only.

Nothing here is a latency: where ``clock`` counts instructions, an accept is one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.transitions import Op, ops_of
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.schema import (
    KIND_NAMES,
    PAGE_SIZE,
    STAGE_NAMES,
    UNIT_SIZE,
    CallerHow,
    ConvertTo,
    Kind,
    Stage,
)

TIME_BINS = 360
ADDRESS_BINS = 192

_COLUMNS = (
    "clock",
    "stage",
    "kind",
    "gpa",
    "size",
    "result",
    "carry",
    "rip",
    "caller",
    "detail",
    "caller_how",
)
_STAGES = len(STAGE_NAMES)
_HOWS = len(CallerHow)
_KINDS = len(KIND_NAMES) + 1
SIZES = ("4K", "2M", "other")
_MAP_TOP_LIMIT = 64 << 40

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Operations:
    """How often something was done, and to how many bytes."""

    kind: str
    stage: str
    size: str
    done: int
    failed: int
    bytes: int


@dataclass(frozen=True)
class Caller:
    """Successful accepts from one place: a return address, how it was found, and the accepting instruction's."""

    stage: str
    caller: int
    how: int
    rip: int
    accepts: int
    bytes: int


@dataclass
class Series:
    """Accepted bytes by time and by address and time, in bins.

    ``clock`` has the right edge of every time bin; ``accepted`` the bytes accepted in it;
    ``area[address bin, time bin]`` likewise. ``rows`` are bytes per address bin.
    """

    clock: F64
    accepted: F64
    area: F64
    rows: int
    at_handoff: F64


@dataclass
class Cost:
    """Everything counted in one pass over a run's events.

    ``to_shared`` are the successful conversions to shared, by stage; ``launched`` is bytes.
    """

    operations: list[Operations] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    stages: dict[str, int] = field(default_factory=dict)
    series: Series | None = None
    end_clock: int = 0
    launched: int = 0
    to_shared: dict[str, int] = field(default_factory=dict)

    def count(self, kind: Kind, size: str | None = None) -> int:
        """Successful events of a kind, of one block size or of all."""
        name = KIND_NAMES[kind - 1]
        return sum(
            one.done for one in self.operations if one.kind == name and size in (None, one.size)
        )

    def failed(self, kind: Kind) -> int:
        """Unsuccessful events of a kind."""
        name = KIND_NAMES[kind - 1]
        return sum(one.failed for one in self.operations if one.kind == name)

    def accepted(self, before: Stage | None = None) -> int:
        """Bytes of successful accepts, in all stages or in those before ``before``."""
        stages = STAGE_NAMES if before is None else STAGE_NAMES[: int(before)]
        return sum(
            one.bytes for one in self.operations if one.kind == "accept" and one.stage in stages
        )

    def counts(self) -> dict[str, Any]:
        """The operations and the conversions to shared, as JSON has them."""
        return {"operations": [asdict(one) for one in self.operations], "to_shared": self.to_shared}

    @classmethod
    def of_counts(cls, counts: Mapping[str, Any]) -> Cost:
        """What ``counts`` gave, as a cost in which nothing else is known."""
        operations = [Operations(**one) for one in counts["operations"]]
        return cls(operations=operations, to_shared=dict(counts["to_shared"]))

    def spent(self) -> dict[str, int]:
        """Clock units per stage, for the stages that were entered."""
        names = list(self.stages)
        starts = [self.stages[name] for name in names] + [self.end_clock]
        return {name: starts[at + 1] - starts[at] for at, name in enumerate(names)}


def measure(run: Run, progress: Callable[[int, int], None] | None = None) -> Cost:
    """Count a run's operations in one pass; raises BadInput if the events are unreadable."""
    events = EventFile(run.events_path)
    counter = _Counter(run, events)
    for batch in events.batches(_COLUMNS):
        counter.add(batch)
        if progress is not None:
            progress(batch.start + len(batch), events.events)
    return counter.cost()


class _Counter:
    """Adds up batches."""

    def __init__(self, run: Run, events: EventFile) -> None:
        cells = (_KINDS, _STAGES, len(SIZES), 2)
        self._counts: npt.NDArray[np.int64] = np.zeros(cells, np.int64)
        self._bytes: F64 = np.zeros(cells)
        self._callers: dict[tuple[int, int, int, int], list[int]] = {}
        self._stages: dict[str, int] = {}
        self._clock = events.clock_range()
        self._launched = 0
        self._to_shared: npt.NDArray[np.int64] = np.zeros(_STAGES, np.int64)
        ram = run.info.handoff.ram
        top = min(max((start + size for start, size in ram), default=0), _MAP_TOP_LIMIT)
        units = max(-(-top // UNIT_SIZE), 1)
        self._rows = max(-(-units // ADDRESS_BINS), 1) * UNIT_SIZE
        self._height = max(-(-top // self._rows), 1)
        self._area: F64 = np.zeros((self._height, TIME_BINS))
        self._at_handoff: F64 = np.zeros(self._height)

    def add(self, batch: Batch) -> None:
        ops = ops_of(batch)
        self._add_operations(batch, ops)
        accepts = np.flatnonzero(ops == Op.ACCEPT)
        if len(accepts):
            self._add_callers(batch, accepts)
            self._add_area(batch, accepts)
        for position in np.flatnonzero(batch["kind"] == Kind.STAGE).tolist():
            stage = int(batch["detail"][position])
            if stage < _STAGES:
                self._stages.setdefault(STAGE_NAMES[stage], int(batch["clock"][position]))
        for position in np.flatnonzero(batch["kind"] == Kind.LAUNCH).tolist():
            self._add_launch(int(batch["gpa"][position]), int(batch["size"][position]))

    def cost(self) -> Cost:
        low, high = self._clock
        edges = np.linspace(low, max(high, low + 1), TIME_BINS + 1)[1:]
        series = Series(edges, self._area.sum(axis=0), self._area, self._rows, self._at_handoff)
        shared = {
            name: count
            for name, count in zip(STAGE_NAMES, self._to_shared.tolist(), strict=True)
            if count
        }
        return Cost(
            self._operations(), self._top_callers(), self._stages, series, high, self._launched,
            shared,
        )  # fmt: skip

    def _add_operations(self, batch: Batch, ops: npt.NDArray[np.uint8]) -> None:
        kind = batch["kind"].astype(np.int64)
        size = np.full(len(batch), 2, np.int64)
        size[batch["size"] == PAGE_SIZE] = 0
        size[batch["size"] == UNIT_SIZE] = 1
        failed = (batch["result"] != 0) | (batch["carry"] == 1)
        failed &= ((kind >= Kind.ACCEPT) & (kind <= Kind.REMOVE)) | (kind == Kind.RELEASE)
        cell = ((kind * _STAGES + batch["stage"]) * len(SIZES) + size) * 2 + failed
        cells = self._counts.size
        self._counts += np.bincount(cell, minlength=cells).reshape(self._counts.shape)
        weights = np.where(ops != Op.NONE, batch["size"], 0).astype(np.float64)
        converts = kind == Kind.CONVERT
        weights[converts] = batch["size"][converts]
        shared = converts & (batch["detail"] == ConvertTo.SHARED) & ~failed
        self._to_shared += np.bincount(batch["stage"][shared], minlength=_STAGES)
        self._bytes += np.bincount(cell, weights, cells).reshape(self._bytes.shape)

    def _add_callers(self, batch: Batch, accepts: npt.NDArray[np.intp]) -> None:
        stage, caller, how, rip = (
            batch[name][accepts] for name in ("stage", "caller", "caller_how", "rip")
        )
        _, caller_number = np.unique(caller, return_inverse=True)
        rips, rip_number = np.unique(rip, return_inverse=True)
        key = ((caller_number * len(rips) + rip_number) * _STAGES + stage) * _HOWS + how
        _, first, where = np.unique(key, return_index=True, return_inverse=True)
        count = np.bincount(where)
        size = np.bincount(where, batch["size"][accepts].astype(np.float64))
        for number, at in enumerate(first.tolist()):
            place = (int(stage[at]), int(caller[at]), int(how[at]), int(rip[at]))
            total = self._callers.setdefault(place, [0, 0])
            total[0] += int(count[number])
            total[1] += int(size[number])

    def _add_area(self, batch: Batch, accepts: npt.NDArray[np.intp]) -> None:
        low, high = self._clock
        span = max(high - low, 1)
        time = (batch["clock"][accepts] - np.uint64(low)).astype(np.float64) * TIME_BINS / span
        column = np.minimum(time.astype(np.int64), TIME_BINS - 1)
        row = (batch["gpa"][accepts] // np.uint64(self._rows)).astype(np.int64)
        row = np.minimum(row, self._height - 1)
        cell = row * TIME_BINS + column
        size = batch["size"][accepts].astype(np.float64)
        self._area += np.bincount(cell, size, self._area.size).reshape(self._area.shape)

    def _add_launch(self, start: int, size: int) -> None:
        self._launched += size
        end = min(start + size, self._height * self._rows)
        for row in range(start // self._rows, -(-end // self._rows)):
            low, high = max(start, row * self._rows), min(end, (row + 1) * self._rows)
            self._at_handoff[row] += max(high - low, 0)

    def _operations(self) -> list[Operations]:
        found = []
        for kind, stage, size in np.argwhere(self._counts.any(axis=3)).tolist():
            done, failed = self._counts[kind, stage, size].tolist()
            total = int(self._bytes[kind, stage, size, 0])
            name = KIND_NAMES[kind - 1]
            found.append(Operations(name, STAGE_NAMES[stage], SIZES[size], done, failed, total))
        return found

    def _top_callers(self) -> list[Caller]:
        callers = [
            Caller(STAGE_NAMES[stage], caller, how, rip, accepts, size)
            for (stage, caller, how, rip), (accepts, size) in self._callers.items()
        ]
        return sorted(
            callers, key=lambda one: (-one.bytes, one.stage, one.caller, one.how, one.rip)
        )
