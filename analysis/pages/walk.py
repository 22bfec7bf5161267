# SPDX-License-Identifier: GPL-2.0-only
"""Walks a run's events once and hands them out in steps, with the page states beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.pages.agreement import Agreement
from acceptlab.analysis.pages.page_states import Entries, PageStates
from acceptlab.analysis.pages.snapshots import Snapshot, disagreement, read_snapshot
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.table_content import TableContent
from acceptlab.analysis.pages.transitions import Breach, Op, ops_of
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.gaps import Holes
from acceptlab.analysis.trace.prefetch import one_ahead
from acceptlab.analysis.trace.schema import (
    COLUMNS,
    KIND_NAMES,
    NO_CARRY,
    ON_MEMORY,
    STAGE_NAMES,
    Kind,
    Stage,
)
from acceptlab.analysis.trace.time_order import TimeOrder

_COLUMNS = tuple(one for one in COLUMNS if one not in ("rip", "caller", "caller_how", "duration"))
"""What judging takes; who did it is looked up for findings only."""

TOP_LIMIT = 64 << 40
"""Highest end of RAM that is followed, bytes."""
_TOLD = 3
"""Maximum number of contradictions that are reported; one is enough to doubt the trace."""

Progress = Callable[[int, int], None]


class Walk:
    """One pass over the events of a run.

    After ``steps`` is exhausted, ``problems`` holds what makes the trace incomplete, in words,
    ``holes`` where events are missing, and ``states`` the page states at the end.
    """

    def __init__(self, run: Run, events: EventFile) -> None:
        self.run = run
        self.events = events
        self.problems: list[str] = []
        self.holes = Holes()
        self.states = PageStates(0)
        self.snapshots = 0
        self.past_known = True
        self._ended = False
        self._handed_over = False
        self._order = TimeOrder()
        self._agreement = Agreement(run.info)
        self._table = TableContent(run.info.handoff.bitmap)
        self._stage: int = Stage.FIRMWARE
        self._numbers: set[int] = set()

    def steps(self, progress: Progress | None = None) -> Iterator[Step]:
        """All steps in order. Raises BadInput when the file turns out to be damaged."""
        if self.events.problem is not None:
            self.problems.append(self.events.problem)
        for batch in one_ahead(self.events.batches(_COLUMNS)):
            if batch.start == 0:
                yield from self._begin(batch)
            self._check(batch)
            for start, stop in self._cuts(batch):
                yield self._step(batch.cut(start, stop))
            if progress is not None:
                progress(batch.start + len(batch), self.events.events)
        if not self._ended:
            self.holes.breaks_off()
            if not self.problems:
                self.problems.append("the trace has no end record")
        if self.run.info.source != "emulator" and not self.run.info.events.complete:
            self.holes.unnumbered()
        self._order.finish()
        if self._order.problem:
            self.holes.contradicted(self._order.problem)
            self.problems.insert(0, self._order.problem)
        self._check_snapshots()
        for problem in self._agreement.problems():
            self._doubt(problem)
        self.problems += self._agreement.claims()

    def _begin(self, batch: Batch) -> Iterator[Step]:
        """Size the states; without RAM events, take the boot handoff from run.json."""
        ram = batch["kind"] == Kind.RAM
        info, handed = self.run.info, self.run.info.handoff
        if ram.any():
            ends = batch["gpa"][ram].astype(object) + batch["size"][ram].astype(object)
            self.states = PageStates(_checked_top(int(max(ends))))
            return
        self.past_known = not {EARLY, HANDOFF} & set(info.absent)
        if self.past_known and (info.source == "emulator" or not handed.ram):
            self._doubt("the trace does not begin with the memory map at boot handoff")
        top = max((start + size for start, size in handed.ram), default=0)
        if not self.past_known:
            top = max(top, min(_highest(EventFile(self.events.path)), TOP_LIMIT))
        self.states = PageStates(_checked_top(top))
        if handed.ram and HANDOFF not in info.absent:
            yield self._step(_as_events(handed.ram, handed.accepted))
        if not self.past_known:
            self.states.forget()

    def _check(self, batch: Batch) -> None:
        """Completeness: seq without a gap, one END that counts right, nothing behind it."""
        self._order.follow(batch.start, batch["clock"], batch["kind"])
        self._agreement.follow(batch)
        if self.run.info.source == "emulator":
            self._check_stages(batch)
        wrong = self.holes.follow(batch["seq"])
        if len(wrong) and not self.problems:
            place, number = batch.start + int(wrong[0]), int(batch["seq"][wrong[0]])
            self.problems.append(f"event {place} has seq {number}: events are missing or moved")
        if self._ended:
            self._doubt("events come after the end record")
        ends = batch.of(Kind.END)
        if len(ends):
            self._ended = True
            position = batch.start + int(ends[0])
            right = int(batch["detail"][ends[0]]) == position and ends[0] == len(batch) - 1
            if not right and not self.problems:
                self._doubt(f"the end record at event {position} does not fit")

    def _check_stages(self, batch: Batch) -> None:
        """The stage of events changes behind a stage event, to what it says, and nowhere else."""
        stage = batch["stage"]
        expected, begun = self._stage, batch.of(Kind.STAGE)
        if not len(begun) and batch.stages.keys() == {expected}:
            return
        borders = [0, *(begun + 1).tolist(), len(batch)]
        for (first, behind), event in zip(pairwise(borders), [*begun.tolist(), None], strict=True):
            wrong = np.flatnonzero(stage[first:behind] != expected)
            if len(wrong):
                self._contradiction(
                    batch,
                    first + int(wrong[0]),
                    f"is of stage {STAGE_NAMES[int(stage[first + wrong[0]])]}, without a stage event before it",
                )
                expected = int(stage[behind - 1])
            if event is not None:
                expected = int(batch["detail"][event])
        self._stage = expected

    def _check_snapshots(self) -> None:
        """Every snapshot that was saved has an event."""
        if self.run.info.source != "emulator" or "bitmap" in self.run.info.absent:
            return
        numbers = {one.name[:4] for one in self.run.bitmap_dir.glob("????-*")}
        if lost := sorted(numbers - {f"{number:04d}" for number in self._numbers}):
            self._doubt(f"snapshot {lost[0]} is there, and no event of it")

    def _cuts(self, batch: Batch) -> list[tuple[int, int]]:
        """Where steps end: behind snapshots, around stage events, before memory goes, and where the guest begins."""
        ends = set((batch.of(Kind.BITMAP) + 1).tolist())
        stages = batch.of(Kind.STAGE)
        ends |= set(stages.tolist()) | set((stages + 1).tolist())
        ends |= set(batch.of(Kind.UNPLUG).tolist())
        if not self._handed_over:
            begun = handoff_end(batch)
            ends |= {begun, begun + 1} if begun < len(batch) else set()
        borders = sorted((ends | {0, len(batch)}) - {-1})
        return list(pairwise(borders))

    def _step(self, batch: Batch) -> Step:
        ops = self._ops(batch)
        begins = not self._handed_over and handoff_end(batch) == 0
        self._handed_over = self._handed_over or begins
        entries = self.states.apply(batch, ops)
        if self._handed_over:
            self._check_no_launch(batch)
        if self.past_known:
            self._check_host(batch, entries)
        self._table.follow(batch)
        return Step(batch, ops, entries, self.states, self._snapshot(batch), begins)

    def _ops(self, batch: Batch) -> npt.NDArray[np.uint8]:
        """What the events do, once there is room for memory that they plug."""
        ops = ops_of(batch)
        plugs = batch.of(Kind.PLUG)
        if len(plugs := plugs[ops[plugs] == Op.PLUG]):
            ends = batch["gpa"][plugs].astype(object) + batch["size"][plugs].astype(object)
            self.states.grow(_checked_top(int(max(ends))))
        if not platform_of(self.run.info.platform).rescinds:
            unplugs = batch.of(Kind.UNPLUG)
            ops[unplugs[ops[unplugs] == Op.UNPLUG]] = Op.GONE
        return ops

    def _check_no_launch(self, batch: Batch) -> None:
        """Once the guest runs, no RAM is added and no page launched: what says so belongs further to the front."""
        late = batch.of(Kind.RAM, Kind.LAUNCH)
        if len(late):
            kind = KIND_NAMES[int(batch["kind"][late[0]]) - 1]
            self._contradiction(
                batch,
                int(late[0]),
                f"is of the boot handoff ({kind}), but the guest was already running",
            )

    def _check_host(self, batch: Batch, entries: list[Entries]) -> None:
        """An honest host does not take accepted pages; an attack is a separate event."""
        for one in entries:
            taken = one.position[(one.breach & np.uint8(Breach.TAKEN_HELD)) != 0]
            taken = taken[batch["kind"][taken] != Kind.ATTACK]
            if len(taken):
                position = int(taken.min())
                does = KIND_NAMES[int(batch["kind"][position]) - 1]
                self._contradiction(
                    batch,
                    position,
                    f"({does}) takes an accepted page of the guest, without an attack",
                )

    def _doubt(self, problem: str) -> None:
        """Note what puts all that follows from several events in doubt; an empty text: nothing."""
        if problem:
            self.holes.contradicted(problem)
            if len(self.problems) < _TOLD and problem not in self.problems:
                self.problems.append(problem)

    def _contradiction(self, batch: Batch, position: int, what: str) -> None:
        self._doubt(
            f"event {int(batch['seq'][position])} {what}: events are missing, out of order or duplicated"
        )

    def _snapshot(self, batch: Batch) -> Snapshot | None:
        if batch["kind"][-1] != Kind.BITMAP:
            return None
        snapshot = read_snapshot(self.run.bitmap_dir, int(batch["detail"][-1]))
        self.snapshots += 1
        self._numbers.add(snapshot.number)
        self._agreement.look(snapshot)
        self._doubt(self._table.look(snapshot))
        address = disagreement(snapshot, self.states) if self.past_known else None
        if address is not None:
            self._doubt(
                f"snapshot {snapshot.number} has another state than the events for the page at "
                f"{address:#x}"
            )
        return snapshot


def handoff_end(batch: Batch) -> int:
    """The position of the first event that is the guest's, and no more of the boot handoff; the batch's length if there is none."""
    begun = np.flatnonzero((batch["stage"] != Stage.FIRMWARE) | (batch["kind"] == Kind.STAGE))
    return int(begun[0]) if len(begun) else len(batch)


def _checked_top(top: int) -> int:
    if top > TOP_LIMIT:
        raise BadInput(f"the trace has RAM up to {top:#x}, beyond 64 TiB: it is damaged")
    return top


def _highest(events: EventFile) -> int:
    """The highest end, in bytes, of what any event about a page covers. One pass over the file."""
    highest = 0
    for batch in events.batches(("kind", "gpa", "size")):
        pages = np.flatnonzero(ON_MEMORY[batch["kind"]] & (batch["gpa"] < TOP_LIMIT))
        ends = batch["gpa"][pages] + np.minimum(batch["size"][pages], np.uint64(TOP_LIMIT))
        highest = max(highest, int(ends.max(initial=0)))
    return highest


def _as_events(ram: tuple[tuple[int, int], ...], accepted: tuple[tuple[int, int], ...]) -> Batch:
    ranges = [*ram, *accepted]
    count = len(ranges)
    kinds = np.array([Kind.RAM] * len(ram) + [Kind.LAUNCH] * len(accepted), np.uint8)
    columns: dict[str, npt.NDArray[np.generic]] = {
        name: np.zeros(count, np.uint64) for name in ("seq", "clock", "result", "detail")
    }
    columns["gpa"] = np.array([start for start, _ in ranges], np.uint64)
    columns["size"] = np.array([size for _, size in ranges], np.uint64)
    columns |= {
        "kind": kinds,
        "stage": np.zeros(count, np.uint8),
        "vcpu": np.zeros(count, np.uint16),
        "carry": np.full(count, NO_CARRY, np.uint8),
    }
    return Batch(0, columns)
