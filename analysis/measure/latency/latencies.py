# SPDX-License-Identifier: GPL-2.0-only
"""Latencies of a run in one pass: what its events' durations and its probes' entries and returns tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.kernel.accept_arguments import second
from acceptlab.analysis.kernel.caller_names import BEST_EFFORT
from acceptlab.analysis.kernel.kernel_facts import HOOKS, REQUESTS, WAITING_CALLS, names
from acceptlab.analysis.kernel.symbols import NO_SYMBOLS, RunSymbols
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.analysis.measure.latency.groups import Groups, Row, rounded_sizes, size_name
from acceptlab.analysis.measure.latency.locks import LockUse, LockWatch
from acceptlab.analysis.measure.latency.probed_calls import CallPairer, Calls
from acceptlab.analysis.measure.latency.stalls import ENCLOSING, Where, where_of
from acceptlab.analysis.measure.latency.trail import COLUMNS, Trail, Weigh, name_of
from acceptlab.analysis.measure.latency.waits import AcceptWaits
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.schema import KIND_NAMES, STAGE_NAMES, CallerHow, Kind, Stage

ACCEPTING = names(REQUESTS) + names(HOOKS)
"""Functions whose calls are acceptances, the outermost first: the first one probed is what stalls are counted of."""
STALLING = in_force(WAITING_CALLS)
"""Functions of Linux whose calls wait for the memory that they accept; a series may have more."""
MEASURED = frozenset(
    {Kind.ACCEPT, Kind.RESCIND, Kind.RELEASE, Kind.CONVERT, Kind.ASSIGN, Kind.FAULT}
)
"""Kinds of events whose ``duration`` is looked at."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Stall:
    """What acceptances held up one kind of waiter: their number, bytes, and time in units of the clock."""

    where: Where
    calls: int
    bytes: int
    time: int
    longest: int


@dataclass
class Latency:
    """Everything measured. ``unit`` is run.json's clock.

    ``modelled`` has rows of ns by a cost profile, and is empty without one. ``accept_waits`` are calls of accept_memory
    that another vCPU's call for an overlapping range kept waiting.
    """

    unit: str
    rows: list[Row] = field(default_factory=list)
    modelled: list[Row] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    locks: list[LockUse] = field(default_factory=list)
    accept_waits: LockUse | None = None
    unfinished: dict[str, int] = field(default_factory=dict)
    lone_returns: int = 0
    longest_stall: int | None = None
    """The longest call that waits for memory and accepted something; None where none was probed."""

    @property
    def measured(self) -> bool:
        """Whether anything was measured at all."""
        return bool(self.rows)


def measure(
    run: Run,
    symbols: RunSymbols = NO_SYMBOLS,
    weigh: Weigh | None = None,
    progress: Progress | None = None,
) -> Latency:
    """Latencies of a run; ``weigh`` models the time of events (ns). Raises BadInput if its events are unreadable.

    A run without probes and without durations takes one look at one column.
    """
    events = EventFile(run.events_path)
    counter = _Counter(run, symbols, weigh)
    if run.info.probes or _has_durations(events):
        for batch in events.batches((*COLUMNS, "duration", "caller_how")):
            counter.add(batch)
            if progress is not None:
                progress(batch.start + len(batch), events.events)
    return counter.latency()


def _has_durations(events: EventFile) -> bool:
    return any(batch["duration"].any() for batch in events.batches(("duration",)))


class _Counter:
    """Adds up batches."""

    def __init__(self, run: Run, symbols: RunSymbols, weigh: Weigh | None) -> None:
        info = run.info
        self._info = info
        self._symbols = symbols
        self._names = [probe.name for probe in info.probes]
        self._trail = Trail(self._names, weigh)
        self._pairer = CallPairer()
        self._locks = LockWatch(info)
        self._accepting = _accepting(self._names)
        self._waits = AcceptWaits(self._accepting, _second(info, self._accepting))
        self._groups, self._modelled = Groups(), Groups()
        self._weighs = weigh is not None
        self._stalls: dict[Where, list[int]] = {}
        self._callers: dict[tuple[bool, int], str] = {}
        self._unsure: dict[bool, set[int]] = {False: set(), True: set()}
        stalling = STALLING + info.series_functions("waits")
        self._stalling = [at for at, name in enumerate(self._names) if name in stalling]
        self._longest_stall = 0 if self._stalling else None

    def add(self, batch: Batch) -> None:
        self._note_unsure(batch)
        self._add_durations(batch)
        if not self._names:
            return
        calls = self._pairer.pair(*self._trail.rows(batch))
        self._locks.add(calls)
        self._waits.add(calls)
        on_locks = np.isin(calls.probe, self._locks.functions)
        for probe in np.unique(calls.probe[~on_locks]).tolist():
            chosen = np.flatnonzero(calls.probe == probe)
            self._add_calls(self._names[probe], calls, chosen)
            if probe == self._accepting:
                self._add_stalls(calls, chosen)
            if probe in self._stalling:
                waited = calls.duration[chosen[calls.accepted[chosen] > 0]]
                self._longest_stall = max(self._longest_stall or 0, int(waited.max(initial=0)))

    def latency(self) -> Latency:
        stalls = [Stall(where, *numbers) for where, numbers in self._stalls.items()]
        probe, open_calls = np.unique(self._pairer.open["key"] >> 16, return_counts=True)
        return Latency(
            unit=self._info.clock,
            rows=list(self._groups.rows()),
            modelled=list(self._modelled.rows()),
            stalls=sorted(stalls, key=lambda one: -one.time),
            locks=self._locks.uses(),
            accept_waits=self._waits.use(),
            unfinished={
                self._names[p]: n for p, n in zip(probe.tolist(), open_calls.tolist(), strict=True)
            },
            lone_returns=self._pairer.lone_returns,
            longest_stall=self._longest_stall,
        )

    def _add_durations(self, batch: Batch) -> None:
        kind, duration = batch["kind"], batch["duration"].astype(np.uint64)
        refused = (batch["result"] != 0) | (batch["carry"] == 1)
        for one, failed in product(sorted(MEASURED), (False, True)):
            chosen = np.flatnonzero((kind == one) & (duration > 0) & (refused == failed))
            if len(chosen):
                columns = batch.take(chosen)
                self._add(
                    self._groups, KIND_NAMES[one - 1] + (", refused" if failed else ""),
                    duration[chosen], columns["size"], columns["stage"], columns["caller"],
                    columns["vcpu"],
                )  # fmt: skip

    def _add_calls(self, name: str, calls: Calls, chosen: npt.NDArray[np.intp]) -> None:
        about = (
            calls.accepted[chosen],
            calls.stage[chosen],
            calls.caller[chosen],
            calls.vcpu[chosen],
        )
        self._add(self._groups, name, calls.duration[chosen], *about)
        if self._weighs:
            self._add(self._modelled, name, calls.modelled[chosen], *about)

    def _add(
        self,
        groups: Groups,
        operation: str,
        values: npt.NDArray[np.uint64],
        size: npt.NDArray[np.uint64],
        stage: npt.NDArray[np.uint8],
        caller: npt.NDArray[np.uint64],
        vcpu: npt.NDArray[np.int64],
    ) -> None:
        groups.add(operation, "", np.zeros(len(values), np.int64), lambda _: "", values)
        groups.add(operation, "size", rounded_sizes(size), size_name, values)
        groups.add(operation, "stage", stage, STAGE_NAMES.__getitem__, values)
        for is_second, mine in _kernels(stage):
            groups.add(
                operation, "caller", caller[mine], partial(self._caller, is_second), values[mine]
            )
        groups.add(operation, "vcpu", vcpu, str, values)

    def _add_stalls(self, calls: Calls, chosen: npt.NDArray[np.intp]) -> None:
        """By the probes around a call, else by the name of its caller."""
        where = calls.where[chosen].astype(np.int64)
        for is_second, mine in _kernels(calls.stage[chosen]):
            caller, inverse = np.unique(calls.caller[chosen[mine]], return_inverse=True)
            names = [self._function(is_second, int(one)) for one in caller]
            by_name = np.array([_code(where_of(name)) for name in names], np.int64)
            known = where[mine] != len(ENCLOSING)
            where[mine] = np.where(known, where[mine], by_name[inverse.reshape(-1)])
        for code in np.unique(where).tolist():
            mine = chosen[where == code]
            numbers = self._stalls.setdefault(name_of(code), [0, 0, 0, 0])
            numbers[0] += len(mine)
            numbers[1] += int(calls.accepted[mine].sum())
            numbers[2] += int(calls.duration[mine].sum())
            numbers[3] = max(numbers[3], int(calls.duration[mine].max()))

    def _note_unsure(self, batch: Batch) -> None:
        """Remember the callers of which it is not certain that they are."""
        unsure = (batch["caller_how"] == CallerHow.NOT_KNOWN) | (
            batch["caller_how"] > CallerHow.BY_CALL
        )
        counted = unsure & (batch["caller"] != 0) & (batch["kind"] != Kind.PROBE_RETURN)
        at = np.flatnonzero(counted)
        for is_second, mine in _kernels(batch["stage"][at]):
            self._unsure[is_second].update(np.unique(batch["caller"][at[mine]]).tolist())

    def _caller(self, is_second: bool, address: int) -> str:
        """Function of a return address in the first or the second kernel, marked if it may be another one; without a name in hex."""
        name = self._function(is_second, address)
        return f"{BEST_EFFORT}{name}" if address in self._unsure[is_second] else name

    def _function(self, is_second: bool, address: int) -> str:
        key = (is_second, address)
        if key not in self._callers:
            stage = Stage.SECOND_KERNEL if is_second else None
            name = self._symbols.name_of(address, stage) if address else None
            unnamed = f"{address:#x}" if address else "(decompressor)"
            self._callers[key] = name.split("+")[0] if name else unnamed
        return self._callers[key]


def _kernels(stage: npt.NDArray[np.uint8]) -> Iterator[tuple[bool, npt.NDArray[np.intp]]]:
    """The positions of the events of the first kernel, and those of the second, of which there are any."""
    late = stage >= Stage.SECOND_DECOMPRESSOR
    for is_second in (False, True):
        mine = np.flatnonzero(late == is_second)
        if len(mine):
            yield is_second, mine


def _accepting(names: list[str]) -> int:
    """Index of the probe whose calls are acceptances; -1 for none."""
    return next((names.index(name) for name in ACCEPTING if name in names), -1)


def _second(info: RunInfo, probe: int) -> str:
    """What the second argument of the accepting function is, as far as the run tells."""
    if probe < 0:
        return ""
    one = info.probes[probe]
    return second(one.name, one.arguments, info.kernel.version)


def _code(where: Where) -> int:
    return ENCLOSING.index(where) if where in ENCLOSING else len(ENCLOSING)
