# SPDX-License-Identifier: GPL-2.0-only
"""Several jobs at a time, as many as this machine has cores and memory for, and none left when it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from acceptlab.toolkit.errors import BadInputError

POLL = 0.1
"""Seconds between two looks at the jobs."""
_KEPT_FREE = 1 << 30
"""Bytes of memory that are left to the rest of the machine."""


class Process(Protocol):
    """What is needed of a job's process; subprocess.Popen has it."""

    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def wait(self) -> int: ...


P = TypeVar("P", bound=Process)


@dataclass(frozen=True)
class Job:
    """One job: how many cores and how many bytes of memory it needs while it runs."""

    cores: int
    memory: int


@dataclass(frozen=True)
class Room:
    """What all jobs together may use: cores, and bytes of memory."""

    cores: int
    memory: int


def room_here(jobs: int | None) -> Room:
    """Return this machine's room: `jobs` cores, or all that we may use, and the memory that is free now."""
    if jobs is not None and jobs < 1:
        raise BadInputError(f"--jobs {jobs}: must be at least 1")
    cores = jobs if jobs is not None else len(os.sched_getaffinity(0))
    return Room(cores, max(available_memory() - _KEPT_FREE, 0))


def available_memory() -> int:
    """Return the bytes that Linux can give out without swapping (proc(5), MemAvailable)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0


def run_jobs(
    jobs: Sequence[Job],
    room: Room,
    start: Callable[[int], P],
    watch: Callable[[Sequence[int]], None] = lambda _: None,
    pause: Callable[[float], object] = time.sleep,
) -> Generator[tuple[int, P], None, None]:
    """Start every job, by its index, as soon as there is room; yield (index, process) of each that has ended.

    A job that is larger than the room runs alone. `watch` is called now and then with the running jobs, `pause` with the seconds to wait
    between two looks at them. When the caller stops, by an error or Ctrl-C, the running jobs are stopped and waited for.
    """
    waiting = list(range(len(jobs)))
    going: dict[int, P] = {}
    try:
        while waiting or going:
            index = _next(waiting, going, jobs, room)
            if index is not None:
                waiting.remove(index)
                going[index] = start(index)
                continue
            watch(list(going))
            ended = [index for index, process in going.items() if process.poll() is not None]
            for index in ended:
                yield index, going.pop(index)
            if not ended:
                pause(POLL)
    finally:
        for process in going.values():
            if process.poll() is None:
                process.terminate()
        for process in going.values():
            process.wait()


def _next(
    waiting: Sequence[int], going: dict[int, P], jobs: Sequence[Job], room: Room
) -> int | None:
    """Return the first waiting job that fits beside those that go on, or None."""
    if not going:
        return waiting[0] if waiting else None
    cores = room.cores - sum(jobs[index].cores for index in going)
    memory = room.memory - sum(jobs[index].memory for index in going)
    fits = (n for n in waiting if jobs[n].cores <= cores and jobs[n].memory <= memory)
    return next(fits, None)
