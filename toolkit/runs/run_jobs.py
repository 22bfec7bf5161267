# SPDX-License-Identifier: GPL-2.0-only
"""Make every run of a list that is not kept yet, several at a time, then judge and count each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acceptlab.analysis.exit_codes import CLEAN, of_run
from acceptlab.toolkit.errors import (
    EXIT_BAD_INPUT,
    AcceptlabError,
    InterruptedByUserError,
    MachineError,
)
from acceptlab.toolkit.guest.initramfs import initramfs
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from acceptlab.toolkit.processes import signals_interrupt
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.resource_estimate import job_of
from acceptlab.toolkit.runs.run_cache import RunCache, judges, key_of
from acceptlab.toolkit.runs.scheduler import Room, run_jobs
from acceptlab.toolkit.runs.side_by_side import RunFailedError
from acceptlab.toolkit.runs.worker_pool import WorkedRun, WorkerPool, worker_pool

DONE, MISSING, FAILED = "done", "missing", "failed"
_NOT_CACHED = ("timeout", "killed")
"""Outcomes that say something of this machine's load: such a run is made again the next time."""


@dataclass(frozen=True)
class Result:
    """What became of one wanted run. `state`: done, missing (there is no such kernel), failed."""

    state: str
    reason: str = ""
    folder: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    """What `analysis.measure.cost.Cost.counts` gives of the run."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    reproduce: str = ""
    clock: str = ""
    kernel: str = ""

    @property
    def clean(self) -> bool:
        """Return whether the run reached userspace and the judge has nothing against it."""
        return self.facts.get("verdict") == "clean" and self.facts.get("outcome") == "userspace"

    @property
    def code(self) -> int:
        """The exit code of a run that was made; CLEAN where there is none."""
        if not self.facts:
            return CLEAN
        return of_run(str(self.facts["verdict"]), str(self.facts["outcome"]))


@dataclass(frozen=True)
class _Cell:
    options: RunOptions
    kernel: Kernel
    folder: Path


def make_all(
    wanted: Sequence[RunOptions],
    kept: RunCache,
    emulator: Emulator,
    room: Room,
    title: str,
    workers: WorkerPool | None = None,
) -> list[Result]:
    """Return the result of every wanted run, in order; equal ones are made once, finished ones not again.

    Who calls often for runs of one kernel gives `workers`, which then prepare it once.

    Raises MachineError when this machine cannot go on, InterruptedByUserError after Ctrl-C. Either way the runs that were
    going on are stopped and removed, and those that had ended are kept.
    """
    kernels = _Kernels()
    init = initramfs().name
    cells: dict[Path, _Cell] = {}
    places: list[Path | Result] = []
    for options in wanted:
        kernel = kernels.find(options.kernel)
        if isinstance(kernel, Result):
            places.append(kernel)
            continue
        folder = kept.folder(options, key_of(options, kernel, emulator, init))
        cells.setdefault(folder, _Cell(options, kernel, folder))
        places.append(folder)
    try:
        with signals_interrupt():
            results = _make(list(cells.values()), kept, room, title, workers)
    except KeyboardInterrupt:
        raise InterruptedByUserError(f"interrupted; completed runs are in {kept.home}") from None
    return [place if isinstance(place, Result) else results[place] for place in places]


def is_kept(options: RunOptions, kept: RunCache, emulator: Emulator) -> bool:
    """Return whether a run is finished in the folder, so that `make_all` need not make it. Raises what resolve() raises."""
    key = key_of(options, resolve(options.kernel), emulator, initramfs().name)
    return kept.read(kept.folder(options, key)) is not None


class _Kernels:
    """Kernels by their names in the spec; a missing one is reported once and does not stop the rest."""

    def __init__(self) -> None:
        self._found: dict[str, Kernel | Result] = {}

    def find(self, name: str) -> Kernel | Result:
        if name not in self._found:
            try:
                self._found[name] = resolve(name)
            except AcceptlabError as error:
                self._found[name] = Result(MISSING, str(error))
        return self._found[name]


def _make(
    cells: Sequence[_Cell], kept: RunCache, room: Room, title: str, workers: WorkerPool | None
) -> dict[Path, Result]:
    results: dict[Path, Result] = {}
    missing = []
    judge = judges()
    for cell in cells:
        record = kept.read(cell.folder)
        if record and _is_usable(record, cell, judge):
            results[cell.folder] = _result(_counted(cell, kept, record, judge), cell)
        else:
            kept.drop(cell.folder)
            missing.append(cell)
    if missing:
        shown = f"{title}: {len(missing)} runs" + (f", {len(results)} kept" if results else "")
        with step(shown) as progress:
            report: Callable[[int, str], None] = lambda done, note: progress.update(  # noqa: E731
                done, len(missing), note
            )
            results |= _run(missing, kept, room, report, workers)
    return results


def _is_usable(record: dict[str, Any], cell: _Cell, judge: str) -> bool:
    """Return whether a kept run stands: its end says nothing of this machine's load, and it is judged or can be judged again."""
    judged = record["judge"] == judge or (cell.folder / "events.parquet").exists()
    return judged and record["facts"]["outcome"] not in _NOT_CACHED


def _run(
    cells: Sequence[_Cell],
    kept: RunCache,
    room: Room,
    report: Callable[[int, str], None],
    workers: WorkerPool | None,
) -> dict[Path, Result]:
    results: dict[Path, Result] = {}
    going: set[int] = set()

    def start(index: int) -> WorkedRun:
        going.add(index)
        return pool.start(cells[index].options, cells[index].folder)

    def watch(indices: Sequence[int]) -> None:
        named = ", ".join(_title(cells[index].options) for index in indices)
        report(len(results), f"{len(results)} of {len(cells)} done · {named}")

    needs = [job_of(cell.options) for cell in cells]
    try:
        # closing: whatever ends the loop, the processes are gone before their folders are removed.
        with (
            worker_pool() if workers is None else contextlib.nullcontext(workers) as pool,
            contextlib.closing(run_jobs(needs, room, start, watch, pool.wait)) as ended,
        ):
            for index, run in ended:
                results[cells[index].folder] = _ended(cells[index], run, kept)
                going.discard(index)
    finally:
        for index in going:
            kept.drop(cells[index].folder)
    return results


def _title(options: RunOptions) -> str:
    return f"{options.kernel} {options.platform} {options.memory} {options.policy}"


def _ended(cell: _Cell, run: WorkedRun, kept: RunCache) -> Result:
    try:
        record = run.answer()
    except RunFailedError as error:
        if error.exit_code == EXIT_BAD_INPUT:
            return Result(FAILED, str(error))
        if error.exit_code == InterruptedByUserError.exit_code:
            raise KeyboardInterrupt from None  # the terminal told everybody, and the run was quicker
        raise MachineError(f"{_title(cell.options)}: {error}") from None
    kept.write(cell.folder, record)
    return _result(record, cell)


def _counted(cell: _Cell, kept: RunCache, record: dict[str, Any], judge: str) -> dict[str, Any]:
    """Return a kept run's record, made again when today's analysis may count otherwise."""
    if record["judge"] == judge:
        return record
    from acceptlab.toolkit.runs.run_record import record_of

    record = record_of(cell.folder, judge)
    kept.write(cell.folder, record)
    return record


def _result(record: dict[str, Any], cell: _Cell) -> Result:
    return Result(
        DONE, record["reason"], cell.folder, record["facts"], record["counts"], record["findings"],
        record["undecided"], record["reproduce"], record["clock"], cell.kernel.version,
    )  # fmt: skip
