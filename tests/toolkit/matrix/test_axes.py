# SPDX-License-Identifier: GPL-2.0-only
"""Which combinations a sweep stands for, for any axes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.matrix.axes import (
    Axes,
    Pattern,
    Value,
    combinations,
    count_at_most,
    names_of,
)

NAMES = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=4, unique=True)
AXES = st.dictionaries(st.sampled_from(["u", "v", "w", "x"]), NAMES, min_size=1)


def values(names: list[str]) -> list[Value]:
    return [Value(name, {"word": name}) for name in names]


def axes_of(names: dict[str, list[str]]) -> dict[str, list[Value]]:
    return {axis: values(one) for axis, one in names.items()}


@given(AXES)
def test_a_product_has_every_combination_once(names: dict[str, list[str]]) -> None:
    axes = Axes(axes_of(names))
    found = [tuple(names_of(one).values()) for one in combinations(axes)]
    assert len(found) == len(set(found)) == math.prod(map(len, names.values()))
    assert len(found) == count_at_most(axes)
    assert all(part in names[axis] for one in found for axis, part in zip(names, one, strict=True))


@given(AXES, st.data())
def test_an_exclude_takes_away_what_fits_it_and_nothing_else(
    names: dict[str, list[str]], data: st.DataObject
) -> None:
    some = data.draw(st.lists(st.sampled_from(sorted(names)), min_size=1, unique=True))
    pattern = {axis: [data.draw(st.sampled_from(names[axis]))] for axis in some}
    full = combinations(Axes(axes_of(names)))
    left = combinations(Axes(axes_of(names), [Pattern(pattern)]))
    gone = [one for one in full if one not in left]
    assert len(left) + len(gone) == len(full)
    for one in left:
        assert any(one[axis].name not in wanted for axis, wanted in pattern.items())
    for one in gone:
        assert all(one[axis].name in wanted for axis, wanted in pattern.items())


@given(AXES, st.data())
def test_an_include_adds_its_own_even_when_it_was_excluded_and_never_twice(
    names: dict[str, list[str]], data: st.DataObject
) -> None:
    axis = data.draw(st.sampled_from(sorted(names)))
    wanted = data.draw(st.sampled_from(names[axis]))
    block = {axis: values([wanted])}
    axes = Axes(axes_of(names), [Pattern({axis: [wanted]})], [block, block])
    found = [names_of(one) for one in combinations(axes)]
    expected = {other: listed[0] for other, listed in names.items()} | {axis: wanted}
    assert found.count(expected) == 1
    assert sum(one[axis] == wanted for one in found) == 1


def test_an_exclude_that_fits_nothing_is_a_slip() -> None:
    axes = Axes(
        {"u": values(["a", "b"]), "v": values(["c"])}, [Pattern({"u": ["a"]}), Pattern({"v": []})]
    )
    with pytest.raises(BadInputError, match="matches no combination"):
        combinations(axes)
