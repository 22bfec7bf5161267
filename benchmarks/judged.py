# SPDX-License-Identifier: GPL-2.0-only
"""Judges one run in a process of its own: `python -m benchmarks.judged RUN` prints, as JSON, the verdict and the seconds that it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import MachineError


@dataclass(frozen=True)
class Judged:
    """One replay: `seconds` of judging; of the whole process, with the start of Python; of processor time, of that process on
    all cores; peak resident memory, bytes."""

    events: int
    seconds: float
    process_seconds: float
    processor_seconds: float
    peak: int
    verdict: str

    @property
    def per_second(self) -> float:
        """Return events judged per second of wall time, reading the file and checking its checksum included."""
        return self.events / self.seconds

    @property
    def nanoseconds(self) -> float:
        """Return nanoseconds of wall time per event."""
        return self.seconds / self.events * 1e9


def judge(run: Path, rounds: int = 1) -> Judged:
    """Judge a run `rounds` times and return the fastest. Raises MachineError when that fails."""
    return min((_once(run) for _ in range(rounds)), key=lambda one: one.seconds)


def _once(run: Path) -> Judged:
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.judged", str(run)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise MachineError(f"the replay of {run} failed: acceptlab replay {run}")
    answer = json.loads(said)
    return Judged(
        answer["events"],
        answer["seconds"],
        time.perf_counter() - started,
        usage.ru_utime + usage.ru_stime,
        answer["peak"],
        answer["verdict"],
    )


def _peak() -> int:
    """Return this process's peak of resident memory, bytes: not what getrusage tells, which begins with the parent's."""
    status = Path("/proc/self/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Judge the run named on the command line."""
    from acceptlab.analysis.invariants.judge import replay_run

    started = time.perf_counter()
    verdict = replay_run(sys.argv[1], write=False)
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "events": verdict.events,
                "seconds": seconds,
                "verdict": verdict.verdict,
                "peak": _peak(),
            }
        )
    )


if __name__ == "__main__":
    main()
