# SPDX-License-Identifier: GPL-2.0-only
"""Make the runs of an exploration, a few at a time, and stop at the first hit unless all are wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.analysis.report.explore.explore_sheet import ExploreSheet, Hit, Tried
from acceptlab.toolkit.explore.schedules import windowed
from acceptlab.toolkit.explore.shortest_window import Window, shortest
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import RunCache, opened
from acceptlab.toolkit.runs.run_jobs import DONE, Result, make_all
from acceptlab.toolkit.runs.scheduler import Room
from acceptlab.toolkit.runs.worker_pool import WorkerPool, worker_pool
from acceptlab.toolkit.whole_files import write_whole

SHEET = "explore.json"
_ROUND = 2
"""Runs for each core between two looks at what was found."""


@dataclass(frozen=True)
class _Runs:
    """Where runs are made and kept."""

    kept: RunCache
    emulator: Emulator
    room: Room
    workers: WorkerPool

    def make(self, wanted: Sequence[RunOptions], title: str) -> list[Result]:
        """Make runs, as `make_all` does."""
        return make_all(wanted, self.kept, self.emulator, self.room, title, self.workers)


def explore(
    wanted: Sequence[RunOptions],
    emulator: Emulator,
    out: Path,
    room: Room,
    keep_going: bool,
    reductions: int,
    keep_events: bool,
) -> ExploreSheet:
    """Make the wanted runs in the folder `out`, reduce every hit by at most `reductions` runs, and write explore.json.

    Runs that are there are not made again. The events of clean runs are removed unless `keep_events`.
    """
    out = out.resolve()
    with opened(out) as kept, worker_pool() as workers:
        runs = _Runs(kept, emulator, room, workers)
        tried: list[Tried] = []
        size = _ROUND * room.cores
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            title = f"schedules {start + 1} to {start + len(part)} of {len(wanted)}"
            results = runs.make(part, title)
            tried += [
                _tried(options, one, keep_events)
                for options, one in zip(part, results, strict=True)
            ]
            if not keep_going and any(one.hit for one in tried):
                break
        by_schedule = {one.schedule: one for one in wanted}
        hits = [
            _reduced(by_schedule[one.schedule], one, runs, reductions) for one in tried if one.hit
        ]
        sheet = ExploreSheet(wanted[0].kernel, len(wanted), tried, hits)
        write_whole(out / SHEET, json.dumps(sheet.to_json(), indent=2, sort_keys=True) + "\n")
    return sheet


def _tried(options: RunOptions, result: Result, keep_events: bool) -> Tried:
    if result.clean and result.folder and not keep_events:
        (result.folder / "events.parquet").unlink(missing_ok=True)
    facts = result.facts
    return Tried(
        options.schedule,
        result.state,
        str(facts.get("verdict", "")),
        str(facts.get("outcome", result.reason)),
        tuple(f"{one['invariant']} {one['title']}" for one in result.findings),
        facts.get("accepts"),
        facts.get("longest_stall"),
        result.reproduce,
    )


def _reduced(options: RunOptions, found: Tried, runs: _Runs, most: int) -> Hit:
    """Return the hit with the shortest window in which its schedule still shows the same."""
    whole = Window(0, _instructions(options, runs))

    def hits(window: Window) -> bool:
        run = windowed(options, window.start, window.end)
        (result,) = runs.make([run], f"window {window.start}-{window.end}")
        return _tried(run, result, True).shows(found)

    window = shortest(whole, hits, most)
    run = windowed(options, window.start, window.end)
    (result,) = runs.make([run], "the shortest window")
    again = _tried(run, result, True)
    if not again.shows(
        found
    ):  # no window hits, not even the whole run's: the schedule itself is what reproduces it
        return Hit(found, found, _turns(result))
    return Hit(found, again, _turns(result))


def _instructions(options: RunOptions, runs: _Runs) -> int:
    """Return how many instructions the guest executed under the whole schedule."""
    (result,) = runs.make([options], "the hit")
    return int(_report(result).get("instructions", 0)) + 1


def _turns(result: Result) -> int | None:
    turns = _report(result).get("turns")
    return int(turns) if turns is not None else None


def _report(result: Result) -> dict[str, Any]:
    """Return the emulator's report of a run that was made, {} without one."""
    if result.state != DONE or result.folder is None:
        return {}
    return dict(json.loads((result.folder / "run.json").read_text()).get("report") or {})
