# SPDX-License-Identifier: GPL-2.0-only
"""Processor time of commands that are mostly start: beside an empty Python, and beside `b4 --version`, in turn in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.places import CHECKOUT

ROUNDS = 15
PYTHON = "python3 -c pass"
B4 = "b4 --version"
LIBRARIES = "import numpy, pyarrow.parquet"
BOUNDS = {
    "acceptlab --version": 0.15,
    "acceptlab --help": 0.15,
    "completion": 0.15,
    "replay traces/snp-lazy": 0.35,
}
"""Seconds of processor time, on an idle machine."""
_COMPLETION = {
    "_ACCEPTLAB_COMPLETE": "complete_bash",
    "COMP_WORDS": "acceptlab\nrun\n--platform\n",
    "COMP_CWORD": "3",
}


@dataclass(frozen=True)
class Command:
    """What is measured: its words, and what its environment has besides."""

    words: Sequence[str]
    environment: Mapping[str, str]


def commands() -> dict[str, Command]:
    """Return what is measured, by name. `b4` is left out where it is not installed."""
    ours = [sys.executable, "-m", "acceptlab.toolkit"]
    script = str(CHECKOUT / "acceptlab")
    found = {
        PYTHON: Command([sys.executable, "-c", "pass"], {}),
        B4: Command([sys.executable, str(Path(sys.executable).with_name("b4")), "--version"], {}),
        LIBRARIES: Command([sys.executable, "-c", LIBRARIES], {}),
        "acceptlab --version": Command([*ours, "--version"], {}),
        "acceptlab --help": Command([*ours, "--help"], {}),
        "completion": Command(ours, _COMPLETION),
        "replay traces/snp-lazy": Command([*ours, "replay", "traces/snp-lazy"], {}),
        "./acceptlab --version": Command([script, "--version"], {}),
    }
    if not Path(found[B4].words[1]).exists():
        del found[B4]
    return found


def measure(wanted: Mapping[str, Command], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median processor time of each command, seconds; they take turns, after one round that is not counted.

    Raises MachineError for a command that fails.
    """
    seconds: dict[str, list[float]] = {name: [] for name in wanted}
    for number in range(rounds + 1):
        for name, command in wanted.items():
            spent = _once(name, command)
            if number:
                seconds[name].append(spent)
    return {name: statistics.median(spent) for name, spent in seconds.items()}


def _once(name: str, command: Command) -> float:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command.words,
            env=_environment() | dict(command.environment),
            cwd=CHECKOUT,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            line = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise MachineError(f"{name} failed: {line}")
    return usage.ru_utime + usage.ru_stime


def _environment() -> dict[str, str]:
    """Return this environment as most users have it: Python may store what it compiled, so that the second start finds it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
