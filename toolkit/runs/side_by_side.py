# SPDX-License-Identifier: GPL-2.0-only
"""Several runs at the same time, each an `acceptlab run` of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.analysis.exit_codes import RECORDED
from acceptlab.toolkit.errors import EXIT_MACHINE, AcceptlabError
from acceptlab.toolkit.processes import end_with_parent
from acceptlab.toolkit.progress import Step, steps
from acceptlab.toolkit.run.emulator_command import RunFiles
from acceptlab.toolkit.run.follower import Follower

_POLL = 0.2
"""Seconds between two looks at the runs."""


@dataclass(frozen=True)
class Wanted:
    """One run: what to call it, the arguments of `acceptlab run`, and its folder."""

    title: str
    arguments: Sequence[str]
    folder: Path


class RunFailedError(AcceptlabError):
    """A run could not be made; carries that run's own line and exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_all(wanted: Sequence[Wanted]) -> list[dict[str, Any]]:
    """Run them all at once and return what each `acceptlab run --json` answered, in order.

    Raises RunFailedError when one could not be made at all; the others are stopped then. Ctrl-C stops all.
    """
    processes = [start_run(one) for one in wanted]
    try:
        with steps([one.title for one in wanted]) as shown:
            _watch(processes, wanted, shown)
        return [answer_of(process) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            process.wait()


def start_run(one: Wanted) -> subprocess.Popen[str]:
    """Start one `acceptlab run`, which ends when we do."""
    command = [
        sys.executable,
        "-m",
        "acceptlab.toolkit",
        "run",
        *one.arguments,
        "--out",
        str(one.folder),
        "--json",
    ]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=end_with_parent,
    )


def _watch(
    processes: Sequence[subprocess.Popen[str]], wanted: Sequence[Wanted], shown: Sequence[Step]
) -> None:
    """Show progress until every process has ended, or one has failed."""
    followers = [
        Follower(step, RunFiles(one.folder).console, RunFiles(one.folder).raw_events)
        for one, step in zip(wanted, shown, strict=True)
    ]
    going = dict(enumerate(processes))
    while going:
        time.sleep(_POLL)
        for index, process in list(going.items()):
            followers[index](0)
            if process.poll() is not None:
                del going[index]
                if process.returncode not in RECORDED:
                    return
                shown[index].done()


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a run that has ended answered ({} when it goes on); raises RunFailedError when it failed."""
    if process.poll() is None:
        return {}
    out, err = process.communicate()
    if process.returncode not in RECORDED or not out:
        lines = err.strip().splitlines() or ["no output"]
        raise RunFailedError(
            lines[-1].removeprefix("acceptlab: "), process.returncode or EXIT_MACHINE
        )
    return dict(json.loads(out))
