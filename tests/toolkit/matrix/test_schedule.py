# SPDX-License-Identifier: GPL-2.0-only
"""Jobs and room: never more than fits, never idle without need, nobody left behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.runs import scheduler
from acceptlab.toolkit.runs.scheduler import Job, Room, room_here, run_jobs


@dataclass
class Clockwork:
    """Processes that end after some looks at them, and a book of who went on together."""

    jobs: list[Job]
    looks: list[int]
    going: set[int] = field(default_factory=set)
    most_cores: int = 0
    most_memory: int = 0
    alone: list[int] = field(default_factory=list)

    def start(self, index: int) -> Toy:
        self.going.add(index)
        cores = sum(self.jobs[one].cores for one in self.going)
        memory = sum(self.jobs[one].memory for one in self.going)
        if len(self.going) > 1:
            self.most_cores, self.most_memory = (
                max(self.most_cores, cores),
                max(self.most_memory, memory),
            )
        return Toy(self, index, self.looks[index])


@dataclass
class Toy:
    book: Clockwork
    index: int
    left: int
    told: bool = False

    def poll(self) -> int | None:
        if self.left > 0 and not self.told:
            self.left -= 1
            return None
        self.book.going.discard(self.index)
        return 0

    def terminate(self) -> None:
        self.told = True

    def wait(self) -> int:
        self.book.going.discard(self.index)
        return 0


@pytest.fixture(autouse=True, scope="module")
def _no_waiting() -> None:
    scheduler.POLL = 0


JOBS = st.lists(st.builds(Job, st.integers(1, 4), st.integers(1, 9)), max_size=12)


@given(JOBS, st.integers(1, 6), st.integers(0, 20), st.randoms())
def test_every_job_runs_once_within_the_room(
    jobs: list[Job], cores: int, memory: int, chance: object
) -> None:
    book = Clockwork(jobs, [at % 3 for at in range(len(jobs))])
    ended = [index for index, _ in run_jobs(jobs, Room(cores, memory), book.start)]
    assert sorted(ended) == list(range(len(jobs)))
    assert book.most_cores <= cores
    assert book.most_memory <= memory
    assert not book.going


def test_two_that_fit_go_on_together() -> None:
    book = Clockwork([Job(1, 1)] * 3, [5, 5, 5])
    seen: list[int] = []
    list(run_jobs(book.jobs, Room(2, 10), book.start, lambda going: seen.append(len(going))))
    assert max(seen) == 2


def test_a_small_one_overtakes_a_large_one_that_has_no_room_yet() -> None:
    book = Clockwork([Job(1, 5), Job(1, 9), Job(1, 1)], [9, 1, 1])
    started: list[int] = []

    def start(index: int) -> Toy:
        started.append(index)
        return book.start(index)

    list(run_jobs(book.jobs, Room(2, 10), start))
    assert started == [0, 2, 1]


def test_whoever_stops_leaves_nobody() -> None:
    book = Clockwork([Job(1, 1)] * 4, [0, 99, 99, 99])
    loop = run_jobs(book.jobs, Room(3, 10), book.start)
    next(loop)
    assert book.going
    loop.close()
    assert not book.going


def test_no_job_at_a_time_is_wrong_usage() -> None:
    with pytest.raises(BadInputError, match="--jobs 0"):
        room_here(0)
    assert room_here(3).cores == 3
    assert room_here(None).memory > 0
