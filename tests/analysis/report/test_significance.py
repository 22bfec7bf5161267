# SPDX-License-Identifier: GPL-2.0-only
"""The permutation test against counting by hand, and against what it must not do."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.report import significance
from acceptlab.analysis.report.significance import least_p, p_value

GROUP = st.lists(st.integers(0, 20), min_size=1, max_size=5)


@given(GROUP, GROUP)
def test_p_is_the_share_of_splits_that_differ_as_much(first: list[int], second: list[int]) -> None:
    values, size = first + second, len(first)
    splits = list(combinations(range(len(values)), size))

    def scaled(chosen: tuple[int, ...]) -> int:  # in whole numbers: means have no exact differences
        inside = sum(values[at] for at in chosen)
        return abs(inside * len(second) - (sum(values) - inside) * size)

    least = scaled(tuple(range(size)))
    wanted = sum(scaled(split) >= least for split in splits) / len(splits)
    assert p_value(first, second) == pytest.approx(wanted)


@given(GROUP, GROUP)
def test_the_order_of_groups_does_not_matter(first: list[int], second: list[int]) -> None:
    assert p_value(first, second) == pytest.approx(p_value(second, first))


@pytest.mark.parametrize(("first", "second"), [(3, 3), (4, 4), (2, 5)])
def test_the_least_p_is_reached_by_groups_apart(first: int, second: int) -> None:
    low, high = [float(n) for n in range(first)], [1000.0 + n for n in range(second)]
    assert p_value(low, high) == pytest.approx(least_p(first, second))


def test_many_values_are_drawn_and_repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = [float(n) for n in range(8)], [n + 2.5 for n in range(8)]
    exact = p_value(first, second)
    monkeypatch.setattr(significance, "MOST_SPLITS", 10)
    drawn = p_value(first, second)
    assert drawn == p_value(first, second) != exact
    assert math.isclose(drawn, exact, abs_tol=0.01)


def test_an_empty_group_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        p_value([], [1.0])
