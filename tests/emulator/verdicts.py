# SPDX-License-Identifier: GPL-2.0-only
"""Let the analyzer judge the boot of a test guest, as it judges a recorded run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.run.run_folder import write_run_json
from acceptlab.analysis.run.run_info import Bitmap, EventsInfo, Handoff, Machine, RunInfo
from acceptlab.analysis.trace.schema import RAW_DTYPE, UNIT_SIZE, Kind, Stage
from acceptlab.analysis.trace.stream import convert_raw
from tests.emulator import bare_handoff
from tests.emulator.bare_run import BareRun

_OUTCOMES = {"shutdown": "userspace", "none": "killed"}
"""run.json's word for a guest that came to its own end is that of kernels."""

_UNACCEPTED = (
    (bare_handoff.FRESH, bare_handoff.HOLE - bare_handoff.FRESH),
    (bare_handoff.HOLE_END, bare_handoff.RAM_END - bare_handoff.HOLE_END),
)

_TABLE = Bitmap(0, 0, UNIT_SIZE, bare_handoff.RAM_END // UNIT_SIZE // 8)


def judge(run: BareRun, folder: Path, table: bool = False) -> Verdict:
    """Make a run folder of ``folder`` and judge it; the boot's own files stay as they are.

    ``table``: the guest had a table of unaccepted memory, which nobody saved.
    """
    shutil.copy(run.folder / "console.log", folder)
    outcome = _OUTCOMES.get(run.outcome, run.outcome)
    raw = _reaching_userspace(run, folder) if outcome == "userspace" else run.folder / "events.raw"
    summary = convert_raw(raw, folder / "events.parquet")
    info = RunInfo(
        platform=run.platform,
        clock="instructions" if run.setup.threads == "single" else "ns",
        outcome=outcome,
        machine=Machine(memory=bare_handoff.RAM_END, cpus=run.setup.cpus),
        handoff=Handoff(
            ram=tuple(bare_handoff.RAM),
            accepted=((0, bare_handoff.FRESH),),
            unaccepted=_UNACCEPTED,
            bitmap=_TABLE if table else None,
        ),
        reproduce=f"--hole {bare_handoff.HOLE:#x}-{bare_handoff.HOLE_END:#x}",
        attacks=run.setup.attacks,
        report=run.report,
        events=EventsInfo(summary.events, summary.complete, summary.problem, summary.sha256),
    )
    write_run_json(folder, info)
    return replay_run(folder)


def _reaching_userspace(run: BareRun, folder: Path) -> Path:
    """Return the boot's events with the stage that a kernel would have reached put before the end."""
    records = np.fromfile(run.folder / "events.raw", RAW_DTYPE)
    stage, end = records[-1:].copy(), records[-1:].copy()
    stage["kind"], stage["detail"] = Kind.STAGE, Stage.USERSPACE
    end["stage"] = Stage.USERSPACE
    end["seq"] += 1
    end["detail"] += 1
    path = folder / "events.raw"
    np.concatenate([records[:-1], stage, end]).tofile(path)
    return path
