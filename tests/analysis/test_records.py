# SPDX-License-Identifier: GPL-2.0-only
"""A record is a dataclass in all that its users see."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import pytest

from acceptlab.analysis.records import record


def pair_of(made: Any, frozen: bool) -> type:
    @made(frozen=frozen)
    class Pair:
        """Two values, and a list."""

        first: int
        second: str = "b"
        rest: list[int] = field(default_factory=list)

        @cached_property
        def double(self) -> int:
            return self.first * 2

    return Pair


BOTH = pytest.mark.parametrize("frozen", [True, False])


@BOTH
def test_it_is_made_and_shown_as_a_dataclass_is(frozen: bool) -> None:
    record_, dataclass_ = (pair_of(made, frozen) for made in (record, dataclass))
    assert [one.name for one in fields(record_)] == [one.name for one in fields(dataclass_)]
    for values, named in (((1,), {}), ((1, "x"), {}), ((1,), {"rest": [2]}), ((), {"first": 3})):
        mine, theirs = record_(*values, **named), dataclass_(*values, **named)
        assert asdict(mine) == asdict(theirs)
        assert repr(mine) == repr(theirs)
        assert asdict(replace(mine, second="c")) == asdict(replace(theirs, second="c"))
        assert mine.double == theirs.double
    assert record_(1).rest is not record_(1).rest


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, "b", [], 4), {}), ((1,), {"first": 1}), ((1,), {"third": 1})],
)
def test_wrong_values_are_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    for made in (record, dataclass):
        with pytest.raises(TypeError):
            pair_of(made, True)(*values, **named)


@BOTH
def test_equal_are_those_of_one_class_with_equal_values(frozen: bool) -> None:
    made, other = pair_of(record, frozen), pair_of(record, frozen)
    assert made(1, "x") == made(1, "x") != made(1, "y")
    assert made(1) != other(1)
    assert made(1) != (1, "b", [])


def test_a_frozen_one_does_not_change_and_has_a_hash() -> None:
    one = pair_of(record, True)(1, "x", ())
    for name in ("first", "new"):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, 2)
    with pytest.raises(FrozenInstanceError):
        del one.first
    assert hash(one) == hash(copy.copy(one)) != hash(replace(one, first=2))


def test_one_that_is_not_frozen_changes_and_has_no_hash() -> None:
    one = pair_of(record, False)(1)
    one.first = 2
    assert asdict(one) == {"first": 2, "second": "b", "rest": []}
    with pytest.raises(TypeError):
        hash(one)


@record(frozen=True)
class Checked:
    """Refuses what is negative, and has a text of its own."""

    value: int = 0

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(self.value)

    def __repr__(self) -> str:
        return "checked"


def test_methods_of_the_class_s_own_stay() -> None:
    assert repr(Checked(1)) == "checked"
    with pytest.raises(ValueError, match="-1"):
        Checked(-1)


def test_it_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Checked(5))) == Checked(5)
