# SPDX-License-Identifier: GPL-2.0-only
"""Processes that make one run after the other (toolkit/cli/run_worker.py): what runs share is loaded and prepared once for each process."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from acceptlab.toolkit.errors import EXIT_MACHINE
from acceptlab.toolkit.processes import end_with_parent
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.side_by_side import RunFailedError

_PROGRAM = "acceptlab.toolkit.cli.run_worker"
_ANSWERED = 0
"""What `poll` returns of a run whose worker lives, whatever came of the run."""


class WorkerPool:
    """Workers, started as they are wanted; each makes one run at a time."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._busy: list[WorkedRun] = []

    def start(self, options: RunOptions, folder: Path) -> WorkedRun:
        """Have a worker make a run into the folder, and judge and count it."""
        worker = self._idle.pop() if self._idle else _Worker()
        words = {"run": options.reproduce(options.kernel), "from_saved": options.from_saved}
        worker.give({**words, "folder": str(folder)})
        run = WorkedRun(worker, self)
        self._busy.append(run)
        return run

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as a run has ended."""
        select.select([run.worker.answers for run in self._busy], [], [], seconds)

    def given_back(self, run: WorkedRun, *, usable: bool) -> None:
        """Take the worker of a run that has ended."""
        self._busy.remove(run)
        if usable:
            self._idle.append(run.worker)

    def close(self) -> None:
        """End the workers that are idle."""
        while self._idle:
            self._idle.pop().end()


@contextlib.contextmanager
def worker_pool() -> Iterator[WorkerPool]:
    """Yield workers, which are gone after the block."""
    pool = WorkerPool()
    try:
        yield pool
    finally:
        pool.close()


class WorkedRun:
    """One run in a worker. Has what the scheduler takes of a process."""

    def __init__(self, worker: _Worker, pool: WorkerPool) -> None:
        self.worker = worker
        self._pool = pool
        self._code: int | None = None
        self._answer: dict[str, Any] | None = None
        self._said = ""

    def poll(self) -> int | None:
        """Return None while the run goes on."""
        if self._code is None and select.select([self.worker.answers], [], [], 0)[0]:
            self._ended()
        return self._code

    def wait(self) -> int:
        """Return when the run has ended."""
        if self._code is None:
            self._ended()
        return self._code or 0

    def terminate(self) -> None:
        """Have the worker stop the run, and end."""
        self.worker.process.terminate()

    def answer(self) -> dict[str, Any]:
        """Return what a worker says of a run that has ended. Raises RunFailedError where the run could not be made."""
        if self._answer is None:
            raise RunFailedError(self._said, EXIT_MACHINE)
        if "error" in self._answer:
            raise RunFailedError(self._answer["error"], self._answer["exit_code"])
        return self._answer

    def _ended(self) -> None:
        line = self.worker.answers.readline()
        if line.endswith("\n"):
            self._answer, self._code = json.loads(line), _ANSWERED
        else:
            self._code, self._said = self.worker.ended()
        self._pool.given_back(self, usable=self._answer is not None)


class _Worker:
    """One process. What it says on stderr is kept for the case that it dies."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(
            [sys.executable, "-m", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            preexec_fn=end_with_parent,
        )

    @property
    def answers(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def give(self, words: dict[str, str]) -> None:
        """Give it a run. A worker that is dead by now is seen by the end of its answers."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(words) + "\n")
            self.process.stdin.flush()

    def ended(self) -> tuple[int, str]:
        """Return the exit code of a worker that has died in a run, and why."""
        code = self.process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self.end()
        if code < 0:
            return (
                code,
                f"its process was killed by signal {-code}; start again, finished runs are kept",
            )
        return code, (lines or ["its process ended without a word"])[-1]

    def end(self) -> None:
        """Have it end, and wait for that."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.answers.close()
        self._errors.close()
