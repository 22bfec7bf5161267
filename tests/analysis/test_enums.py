# SPDX-License-Identifier: GPL-2.0-only
"""Members that are attributes of their class: the same enumerations, looked up without a function of Python."""

from __future__ import annotations

import pickle
from enum import EnumType, IntEnum

import numpy as np
import pytest

from acceptlab.analysis.enums import with_plain_members
from acceptlab.analysis.pages.transitions import Op, State
from acceptlab.analysis.trace.schema import Access, Attack, CallerHow, ConvertTo, Kind, Stage

OURS = [Kind, Stage, ConvertTo, Attack, Access, CallerHow, State, Op]


@pytest.mark.parametrize("kind", OURS)
def test_members_are_attributes_of_the_class(kind: type[IntEnum]) -> None:
    assert len(kind)
    for name, member in kind.__members__.items():
        assert type.__getattribute__(kind, name) is member


def test_the_enumeration_is_otherwise_as_before() -> None:
    class Colour(IntEnum):
        RED = 1
        GREEN = 2
        ALSO_RED = 1

    plain = with_plain_members(Colour)
    assert plain is Colour
    assert [one.name for one in plain] == ["RED", "GREEN"]
    assert plain(2) is plain["GREEN"] is plain.GREEN
    assert plain.ALSO_RED is plain.RED
    assert (plain.GREEN.name, plain.GREEN.value, str(plain.GREEN)) == ("GREEN", 2, "2")
    with pytest.raises(AttributeError):
        plain.RED = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="3"):
        plain(3)


@pytest.mark.parametrize("kind", OURS)
def test_arrays_are_compared_as_with_plain_numbers(
    kind: type[IntEnum], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_looked_up(cls: type, name: str) -> None:
        pytest.fail(f"{cls.__name__} has no {name} of its own")

    member = max(kind)
    column = np.arange(256, dtype=np.uint8)
    if hasattr(EnumType, "__getattr__"):  # up to 3.11
        monkeypatch.setattr(EnumType, "__getattr__", not_looked_up)
    for found, plain in (
        (column == member, column == int(member)),
        (member == column, int(member) == column),
        (column >= member, column >= int(member)),
        (column & member, column & np.uint8(int(member))),
    ):
        assert found.tolist() == plain.tolist()


def test_members_are_pickled_as_themselves() -> None:
    assert pickle.loads(pickle.dumps(Kind.ACCEPT)) is Kind.ACCEPT
