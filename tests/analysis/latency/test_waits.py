# SPDX-License-Identifier: GPL-2.0-only
"""Calls of accept_memory() that another vCPU's call keeps waiting, against all pairs by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.latency.calls import Calls
from analysis.latency.waits import AcceptWaits
from analysis.schema import UNIT_SIZE

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
        np.zeros(len(some), np.int64), table[:, 0], begin, end, small, zeros, argument, sizes,
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
    waits = AcceptWaits(0)
    waits.add(calls(some))
    use = waits.use()
    if use is None:
        assert len({vcpu for vcpu, *_ in some}) < 2
        return
    wanted = waited_by_hand(some)
    got = use.contended
    assert (got.count, got.total) == (len(wanted), sum(wanted)) if got else not wanted


def test_an_end_instead_of_a_size_is_understood() -> None:
    """accept_memory() took (start, end) before Linux 6.12."""
    some = [(0, 0, 20, 4), (1, 5, 30, 6)]
    waits = AcceptWaits(0)
    waits.add(calls(some, second=7 * UNIT_SIZE))
    use = waits.use()
    assert use is not None and use.contended is not None and use.contended.total == 15
