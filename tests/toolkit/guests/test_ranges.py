# SPDX-License-Identifier: GPL-2.0-only
"""Range arithmetic against plain sets of numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.ranges import Range, intersect, round_down, round_up, subtract, total, union

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: Range(pair[0], sum(pair))),
    max_size=8,
)


def bytes_of(ranges: list[Range]) -> set[int]:
    return {at for item in ranges for at in range(item.start, item.end)}


def assert_normal(ranges: list[Range]) -> None:
    assert all(item.size > 0 for item in ranges)
    assert all(a.end < b.start for a, b in pairwise(ranges))


@given(RANGES)
def test_union(ranges: list[Range]) -> None:
    assert bytes_of(union(ranges)) == bytes_of(ranges)
    assert_normal(union(ranges))
    assert total(union(ranges)) == len(bytes_of(ranges))


@given(RANGES, RANGES)
def test_subtract(ranges: list[Range], holes: list[Range]) -> None:
    left = subtract(ranges, holes)
    assert bytes_of(left) == bytes_of(ranges) - bytes_of(holes)
    assert_normal(left)


@given(RANGES, RANGES)
def test_intersect(ranges: list[Range], others: list[Range]) -> None:
    both = intersect(ranges, others)
    assert bytes_of(both) == bytes_of(ranges) & bytes_of(others)
    assert_normal(both)


@given(st.integers(0, 1 << 50), st.integers(0, 30).map(lambda bits: 1 << bits))
def test_rounding(address: int, to: int) -> None:
    assert round_down(address, to) == address // to * to
    assert round_up(address, to) == -(-address // to) * to
