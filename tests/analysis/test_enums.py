# SPDX-License-Identifier: GPL-2.0-only
"""Members that are attributes of their class: the same enumerations, looked up without a function of Python."""

from __future__ import annotations

import pickle
from enum import IntEnum

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


def test_members_are_pickled_as_themselves() -> None:
    assert pickle.loads(pickle.dumps(Kind.ACCEPT)) is Kind.ACCEPT
