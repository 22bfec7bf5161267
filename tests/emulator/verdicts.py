# SPDX-License-Identifier: GPL-2.0-only
"""Let the analyzer judge the boot of a test guest, as it judges a recorded run."""

from __future__ import annotations

import shutil
from pathlib import Path

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.run.run_folder import write_run_json
from acceptlab.analysis.run.run_info import EventsInfo, Handoff, Machine, RunInfo
from acceptlab.analysis.trace.stream import convert_raw
from tests.emulator import bare_handoff
from tests.emulator.bare_run import BareRun

_OUTCOMES = {"shutdown": "userspace", "none": "killed"}
"""run.json's word for a guest that came to its own end is that of kernels."""


def judge(run: BareRun, folder: Path) -> Verdict:
    """Make a run folder of ``folder`` and judge it; the boot's own files stay as they are."""
    shutil.copy(run.folder / "console.log", folder)
    summary = convert_raw(run.folder / "events.raw", folder / "events.parquet")
    info = RunInfo(
        platform=run.platform,
        clock="instructions" if run.setup.threads == "single" else "ns",
        outcome=_OUTCOMES.get(run.outcome, run.outcome),
        machine=Machine(memory=bare_handoff.RAM_END, cpus=run.setup.cpus),
        handoff=Handoff(ram=tuple(bare_handoff.RAM), accepted=((0, bare_handoff.FRESH),)),
        attacks=run.setup.attacks,
        report=run.report,
        events=EventsInfo(summary.events, summary.complete, summary.problem, summary.sha256),
    )
    write_run_json(folder, info)
    return replay_run(folder)
