# SPDX-License-Identifier: GPL-2.0-only
"""Entries and returns brought together, against a plain stack per function and vCPU."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.measure.latency import probed_calls
from acceptlab.analysis.measure.latency.probed_calls import ENTRY, CallPairer, Calls

Event = tuple[bool, int, int]
"""(is an entry, probe, vCPU)"""
EVENTS = st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2)), max_size=60)


def paired(events: list[Event], cuts: list[int]) -> tuple[CallPairer, list[tuple[int, int, int]]]:
    """Feed events, whose clock is their position, in batches; (probe, begin, end) of every call."""
    rows = np.zeros(len(events), ENTRY)
    rows["key"] = [probe << 16 | vcpu for _, probe, vcpu in events]
    rows["clock"] = np.arange(len(events))
    rows["done"] = np.arange(len(events)) * 10
    enters = np.array([enter for enter, _, _ in events], np.bool_)
    pairer, found = CallPairer(), []
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for start, stop in itertools.pairwise(edges):
        found += listed(pairer.pair(rows[start:stop], enters[start:stop]))
    return pairer, found


def listed(some: Calls) -> list[tuple[int, int, int]]:
    assert (some.accepted == some.duration * 10).all()
    return list(zip(some.probe.tolist(), some.begin.tolist(), some.end.tolist(), strict=True))


def by_hand(events: list[Event]) -> tuple[list[tuple[int, int, int]], int, int]:
    stacks: dict[tuple[int, int], list[int]] = {}
    found, lone = [], 0
    for at, (enter, probe, vcpu) in enumerate(events):
        stack = stacks.setdefault((probe, vcpu), [])
        if enter:
            stack.append(at)
        elif stack:
            found.append((probe, stack.pop(), at))
        else:
            lone += 1
    return found, lone, sum(map(len, stacks.values()))


@given(EVENTS, st.lists(st.integers(1, 59), max_size=4))
def test_calls_are_those_of_a_stack_whatever_the_batches(
    events: list[Event], cuts: list[int]
) -> None:
    pairer, found = paired(events, cuts)
    wanted, lone, still_open = by_hand(events)
    assert found == wanted
    assert (pairer.lone_returns, pairer.unfinished) == (lone, still_open)


def test_functions_that_never_return_do_not_pile_up() -> None:
    pairer, _ = paired([(True, 0, 0)] * (probed_calls.MOST_OPEN + 5), [7, 4100])
    assert len(pairer.open) == probed_calls.MOST_OPEN
    assert pairer.unfinished == probed_calls.MOST_OPEN + 5
