# SPDX-License-Identifier: GPL-2.0-only
"""Things made one ahead: the same ones in the same order, errors in their place, and a thread for long rows alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from acceptlab.analysis.trace.prefetch import one_ahead


@pytest.mark.parametrize("count", range(6))
def test_they_are_the_same_in_order(count: int) -> None:
    assert list(one_ahead(iter(range(count)))) == list(range(count))


@pytest.mark.parametrize("good", range(5))
def test_an_error_comes_behind_all_that_was_good(good: int) -> None:
    def things() -> Iterator[int]:
        yield from range(good)
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        for one in one_ahead(things()):
            found.append(one)
    assert found == list(range(good))


def test_a_thread_makes_those_behind_the_second() -> None:
    def things() -> Iterator[threading.Thread]:
        while True:
            yield threading.current_thread()

    makers = one_ahead(things())
    first = [next(makers) for _ in range(4)]
    mine = threading.current_thread()
    assert [one is mine for one in first] == [True, True, False, False]
    makers.close()  # type: ignore[attr-defined]
    assert not first[-1].is_alive()


def test_the_next_is_made_while_one_is_used() -> None:
    made = threading.Semaphore(0)

    def things() -> Iterator[int]:
        for number in range(4):
            made.release()
            yield number

    makers = one_ahead(things())
    for _ in range(3):
        next(makers)
    for _ in range(4):  # the fourth is made, though nothing asked for it
        assert made.acquire(timeout=60)
