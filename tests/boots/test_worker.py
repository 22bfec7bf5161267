# SPDX-License-Identifier: GPL-2.0-only
"""A process that makes one run after the other leaves of each what a process of its own leaves, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.worker_pool import WorkerPool, worker_pool
from tests.boots.conftest import BootGuest

GUEST = ["debian:6.12", "--platform", "tdx", "--memory", "2G", "--firmware-accepts", "minimal"]
OTHER = ["debian:6.12", "--platform", "snp", "--memory", "1G", "--cpus", "2"]
LATE = 0.8
"""Part of the run's instructions after which the guest is saved that the runs go on from."""
TIME = "emulator_wall_seconds"
"""What run.json has of the machine's load."""


def test_runs_of_one_worker_are_those_of_processes_of_their_own(
    boot: BootGuest, tmp_path: Path
) -> None:
    """Booted, saved, attacked, of another platform, and the first once more: nothing of a run gets into the next."""
    whole = boot(*GUEST).folder
    report = Run.open(whole).info.report
    assert report is not None
    at = f"icount:{int(report['instructions'] * LATE)}"
    saved = tmp_path / "saved"
    own_process("debug", str(whole), "--at", at, "--save", str(saved))
    attack = ["--attack", f"userspace remove-aug {page_of_kernel(whole):#x}"]
    wanted = [
        ([*GUEST, *attack], str(saved)),
        (OTHER, ""),
        (GUEST, str(saved)),
        ([*GUEST, *attack], str(saved)),
    ]
    with worker_pool() as pool:
        made = [
            by(pool, words, start, tmp_path / f"w{n}") for n, (words, start) in enumerate(wanted)
        ]
    assert len({pid for _, pid in made}) == 1, "one process made them all"
    for number, (words, start) in enumerate(wanted[:3]):
        alone = tmp_path / f"alone{number}"
        begin = ["--from-saved", start] if start else []
        own_process("run", *words, *begin, "--replay", "--out", str(alone))
        assert left(tmp_path / f"w{number}") == left(alone), words
    assert left(tmp_path / "w3") == left(tmp_path / "w0")
    assert made[0][0] == made[3][0]
    assert made[0][0] != made[2][0], "the host's act was seen"


def page_of_kernel(folder: Path) -> int:
    """Return a page that was accepted before the kernel began, and that it lives on: it is accepted in every stage."""
    accepted = json.loads((folder / "run.json").read_text())["handoff"]["accepted"]
    return next(start for start, _ in accepted if start >= 16 << 20)


def by(pool: WorkerPool, words: list[str], saved: str, folder: Path) -> tuple[dict[str, Any], int]:
    """Return what a worker says of a run, and which process it was."""
    line = " ".join(["acceptlab", "run", *(f"'{word}'" for word in words)])
    options = RunOptions.of_line(line)
    run = pool.start(RunOptions(**(vars(options) | {"from_saved": saved})), folder)
    run.wait()
    return run.answer(), run.worker.process.pid


def own_process(*words: str) -> None:
    command = [sys.executable, "-m", "acceptlab.toolkit", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert ended.returncode in (0, 1), ended.stderr


def left(folder: Path) -> dict[str, object]:
    """Return every file of a run folder, without the time in run.json, and without the folder's own name."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes().replace(str(folder).encode(), b"RUN")
            found[str(path.relative_to(folder))] = text
    record = json.loads(found["run.json"])  # type: ignore[arg-type]
    assert record.pop(TIME) > 0
    found["run.json"] = record
    return found
