# SPDX-License-Identifier: GPL-2.0-only
"""Calls of accept_memory() that another vCPU's call keeps waiting, against all pairs by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.kernel.kernel_facts import END, SIZE
from acceptlab.analysis.measure.latency.probed_calls import Calls
from acceptlab.analysis.measure.latency.waits import AcceptWaits
from acceptlab.analysis.trace.schema import UNIT_SIZE

Call = tuple[int, int, int, int]
"""(vCPU, begin, length, unit)"""
CALLS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(1, 30), st.integers(0, 4)),
    max_size=20,
)


def calls(some: list[Call], second: int = UNIT_SIZE) -> Calls:
    table = np.array(some, np.int64).reshape(len(some), 4)
    begin = table[:, 1].astype(np.uint64)
    end = begin + table[:, 2].astype(np.uint64)
    zeros, small = np.zeros(len(some), np.uint64), np.zeros(len(some), np.uint8)
    argument = (table[:, 3] * UNIT_SIZE).astype(np.uint64)
    sizes = np.full(len(some), second, np.uint64)
    return Calls(
        np.zeros(len(some), np.int64), table[:, 0], begin, end, zeros, small, zeros, argument, sizes,
        zeros, zeros, small,
    )  # fmt: skip


def waited_by_hand(some: list[Call]) -> list[int]:
    """A call covers its unit and the guard unit behind it."""
    found = []
    for vcpu, begin, length, unit in some:
        until = [
            b + n
            for v, b, n, u in some
            if v != vcpu and b < begin < b + n <= begin + length and abs(u - unit) < 2
        ]
        if until:
            found.append(max(until) - begin)
    return sorted(found)


@given(CALLS)
def test_waits_are_those_of_all_pairs(some: list[Call]) -> None:
    begins = [begin for _, begin, _, _ in some]
    if len(set(begins)) < len(begins):  # who of two that begin at once is first, nobody can say
        return
    waits = AcceptWaits(0, SIZE)
    waits.add(calls(some))
    use = waits.use()
    if use is None:
        assert len({vcpu for vcpu, *_ in some}) < 2
        return
    wanted = waited_by_hand(some)
    got = use.contended
    assert (got.count, got.total) == (len(wanted), sum(wanted)) if got else not wanted


def waited(second: str, given: int, *units: int) -> int:
    """For how long the second of two calls waits, on units that are given with the same second argument."""
    waits = AcceptWaits(0, second)
    waits.add(calls([(0, 0, 20, units[0]), (1, 5, 30, units[1])], given * UNIT_SIZE))
    use = waits.use()
    assert use is not None
    return use.contended.total if use.contended else 0


def test_what_the_second_argument_is_decides_which_calls_overlap() -> None:
    """Units 1 and 4: ends of 5 overlap, and so do sizes of 5, but sizes of 2 do not; nor do units 4 and 6 with ends of 6."""
    assert waited(END, 5, 1, 4) == 15
    assert waited(SIZE, 2, 1, 4) == 0
    assert waited(SIZE, 5, 1, 7) == 0
    assert waited(SIZE, 5, 1, 6) == 15
    assert waited(END, 7, 4, 6) == 15


def test_a_call_that_would_end_before_it_begins_shows_sizes() -> None:
    """Then all of them are sizes, that of 5 units behind unit 1 as well; where no call shows it, they are ends."""
    assert waited("", 5, 1, 6) == 15
    assert waited("", 6, 1, 6) == 15
    assert waited("", 9, 1, 8) == 15
