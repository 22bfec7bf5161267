# SPDX-License-Identifier: GPL-2.0-only
"""run.json of what was collected from an emulator, and the files beside it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import EventsInfo, Machine, RunInfo
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, PAGE_STATES
from acceptlab.toolkit.collect.emulators import LiveEmulator

_UNKNOWN_END = (
    "how the guest ended is not known: the emulator has no run folder of `acceptlab run` (yet)"
)


def so_far(emulator: LiveEmulator, reproduce: str) -> RunInfo:
    """Return the facts of the run that the emulator's process shows; run.json of its folder has more, later."""
    return RunInfo(
        platform=emulator.platform,
        clock=emulator.clock,
        outcome="killed",
        reason=_UNKNOWN_END,
        source="ebpf",
        machine=Machine(memory=emulator.memory, cpus=emulator.cpus),
        reproduce=reproduce,
        absent=(HANDOFF, PAGE_STATES),
    )


def ended(
    emulator: LiveEmulator, run: Run | None, reproduce: str, events: EventsInfo, is_late: bool
) -> RunInfo:
    """Return what is known at the end: all that the emulator's own run has, if there is one.

    ``is_late``: events had passed before the collector attached.
    """
    early = {EARLY, HANDOFF} if is_late else set()
    if run is None:
        info = so_far(emulator, reproduce)
        return replace(info, events=events, absent=tuple(sorted({*info.absent, *early})))
    unseen = early if _has_snapshots(run) else {*early, "bitmap", PAGE_STATES}
    return replace(
        run.info,
        source="ebpf",
        events=events,
        absent=tuple(sorted({*run.info.absent, *unseen})),
        reproduce=reproduce,
        other={**run.info.other, "collected_from": str(run.path)},
    )


def _has_snapshots(run: Run) -> bool:
    """Return whether there are any: a run with --no-events takes none."""
    return run.bitmap_dir.is_dir() and any(run.bitmap_dir.iterdir())


def copy_files(run: Run, folder: Path) -> None:
    """Copy what the emulator wrote beside its events: the console, and the snapshots that events refer to by number."""
    if run.console_path.is_file():
        shutil.copyfile(run.console_path, folder / run.console_path.name)
    if run.bitmap_dir.is_dir():
        shutil.copytree(run.bitmap_dir, folder / run.bitmap_dir.name)
