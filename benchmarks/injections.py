# SPDX-License-Identifier: GPL-2.0-only
"""How many runs with an act of the host a campaign makes in a minute, judged and counted, on all cores: late in the boot, and whole boots.

Late injections go on from a guest that was saved at LATE of the run's instructions, as a campaign's do (toolkit/campaign/forks.py).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.campaign.moments import accepts_of
from acceptlab.toolkit.debug.repeatable_run import recorded
from acceptlab.toolkit.debug.saving import save
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import RunCache, opened
from acceptlab.toolkit.runs.run_jobs import DONE, make_all
from acceptlab.toolkit.runs.scheduler import room_here

LATE = 0.85
"""Part of the run's instructions, at which the guests are saved."""
RUNS = {"late": 24, "early": 8}


@dataclass(frozen=True)
class Rate:
    """Injections a minute, and processor seconds of all processes for one."""

    a_minute: float
    processor_seconds: float


def measure(platform: str, kernel: str, emulator: Emulator) -> dict[str, Rate]:
    """Return the rate of late and of early injections. Raises MachineError when a run cannot be made."""
    options = RunOptions(kernel, platform=platform, memory="1G", firmware_accepts="minimal")
    with (
        tempfile.TemporaryDirectory(prefix="acceptlab-bench-") as scratch,
        opened(Path(scratch) / "runs") as kept,
    ):
        plain = make_all([options], kept, emulator, room_here(None), "the run without attacks")[0]
        if plain.folder is None:
            raise MachineError(f"{kernel}: {plain.reason}")
        run = Run.open(plain.folder)
        clock = int((run.info.report or {})["instructions"] * LATE)
        for name in ("boot", "saved"):
            (Path(scratch) / name).mkdir()
        [saved] = save(recorded(run), [clock], Path(scratch) / "boot", Path(scratch) / "saved")
        pages = sorted({one.gpa for one in accepts_of(plain.folder, cache() / "symbols")})
        act = PLATFORMS[platform].attacks_on_pages[0]
        begun = {
            "late": replace(options, from_saved=str(saved.folder)),
            "early": options,
        }
        return {
            name: _rate(
                [
                    replace(one, attacks=(f"userspace {act} {page:#x}",))
                    for page in _spread(pages, RUNS[name], kind)
                ],
                kept,
                emulator,
            )
            for kind, (name, one) in enumerate(begun.items())
        }


def _spread(pages: Sequence[int], number: int, offset: int) -> list[int]:
    """Return so many pages from all of these; another offset gives others."""
    step = max(len(pages) // number, 2)
    return list(pages[offset::step][:number])


def _rate(wanted: Sequence[RunOptions], kept: RunCache, emulator: Emulator) -> Rate:
    started, spent = time.perf_counter(), _processor_seconds()
    results = make_all(wanted, kept, emulator, room_here(None), "injections")
    seconds, spent = time.perf_counter() - started, _processor_seconds() - spent
    if any(one.state != DONE for one in results):
        raise MachineError(f"an injection could not be made: {results[0].reason}")
    return Rate(60 * len(wanted) / seconds, spent / len(wanted))


def _processor_seconds() -> float:
    """Return what this process and all that it has waited for have used."""
    return sum(os.times()[:4])
