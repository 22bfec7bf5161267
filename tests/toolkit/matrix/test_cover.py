# SPDX-License-Identifier: GPL-2.0-only
"""A covering choice has every pair that there is, and is much smaller than the whole."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.matrix.axes import Choice
from acceptlab.toolkit.matrix.cover import covering

CHOICES = st.lists(
    st.fixed_dictionaries({axis: st.sampled_from("abc") for axis in "uvwx"}),
    min_size=1,
    max_size=81,
    unique_by=lambda choice: tuple(choice.values()),
)


def pairs(choices: list[Choice]) -> set[tuple[tuple[str, str], ...]]:
    return {pair for one in choices for pair in itertools.combinations(one.items(), 2)}


@given(CHOICES)
def test_every_pair_that_there_is_is_in_it(choices: list[Choice]) -> None:
    found = covering(choices)
    assert found == sorted(set(found))
    assert pairs([choices[index] for index in found]) == pairs(choices)


def test_it_is_a_fraction_of_a_product() -> None:
    axes = {"a": "12", "b": "1234", "c": "12345", "d": "1234", "e": "12", "f": "1234", "g": "123"}
    product: list[Choice] = [
        dict(zip(axes, one, strict=True)) for one in itertools.product(*axes.values())
    ]
    assert len(product) == 3840
    assert 20 <= len(covering(product)) <= 30


def test_one_axis_has_no_pairs_and_one_combination_is_kept() -> None:
    assert covering([{"a": "1"}, {"a": "2"}]) == [0]
