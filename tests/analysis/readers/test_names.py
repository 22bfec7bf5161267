# SPDX-License-Identifier: GPL-2.0-only
"""One rule says which function an event of a probe is about, and whether it is its entry or its return."""

from __future__ import annotations

import pytest

from acceptlab.analysis.readers.accept_ranges import Numbers, range_of, value_of
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.entry_names import call_of

ENTRY, RETURN = False, True
CALLED = "tdx_accept_memory"

CALLS = [
    # the place has symbols: what the event is called does not matter
    ("anything", "tdx_accept_memory+0x0/0x150", CALLED, ENTRY),
    ("my_return", "tdx_accept_memory+0x4/0x150", CALLED, ENTRY),
    ("anything", "tdx_accept_memory+0x4/0x150 [tdx_guest]", CALLED, ENTRY),
    ("anything", "accept_memory+0x8b/0xd0 <- tdx_accept_memory", CALLED, RETURN),
    ("anything", "accept_memory+0x8b/0xd0 <- tdx_accept_memory+0x0/0x150", CALLED, RETURN),
    ("p_x_0", "__pfx_tdx_accept_memory+0x10/0x10", CALLED, ENTRY),
    # it has addresses: the name tells the function, the arrow whether it is a return
    ("tdx_accept_memory", "ffffffff81056780", CALLED, ENTRY),
    ("tdx_accept_memory_1", "ffffffff81056780", CALLED, ENTRY),
    ("tdx_accept_memory__return", "ffffffff81056999 <- ffffffff81056780", CALLED, RETURN),
    ("tdx_accept_memory_ret", "ffffffff81056999 <- ffffffff81056780", CALLED, RETURN),
    ("tdx_accept_memory_ret_1", "ffffffff81056999 <- ffffffff81056780", CALLED, RETURN),
    ("tdx_accept_memory", "ffffffff81056999 <- ffffffff81056780", CALLED, RETURN),
    ("p_tdx_accept_memory_0", "ffffffff81056780", CALLED, ENTRY),
    ("r_tdx_accept_memory_0", "ffffffff81056999 <- ffffffff81056780", CALLED, RETURN),
    ("tdx_accept_memory__entry", "ffffffff81056780", CALLED, ENTRY),
    ("tdx_accept_memory__exit", "ffffffff81056999 <- ffffffff81056780", CALLED, RETURN),
    ("do_exit", "ffffffff81056780", "do_exit", ENTRY),
    # there is no place
    ("tdx_accept_memory", "", CALLED, ENTRY),
    ("tdx_accept_memory__return", "", CALLED, RETURN),
    ("kprobe:tdx_accept_memory", "", CALLED, ENTRY),
    ("kretprobe:tdx_accept_memory", "", CALLED, RETURN),
    ("fexit:vmlinux:tdx_accept_memory", "", CALLED, RETURN),
    ("kprobe:do_exit", "", "do_exit", ENTRY),
]


@pytest.mark.parametrize(("event", "place", "function", "returns"), CALLS)
def test_a_call_is_told_by_name_and_place(
    event: str, place: str, function: str, returns: bool
) -> None:
    found = call_of(event, place)
    assert found is not None
    assert (found.function, found.returns, found.doubt) == (function, returns, "")


@pytest.mark.parametrize(
    ("event", "place", "doubt"),
    [
        ("p", "tdx_accept_memory+0x5/0x150", "inside tdx_accept_memory(), at +0x5"),
        ("p_tdx_accept_memory_16", "ffffffff81056780", "inside tdx_accept_memory(), at +0x10"),
        ("p", "tdx_accept_memory.isra.0+0x0/0x150", "is a part of tdx_accept_memory()"),
        ("p", "a+0x1/0x2 <- tdx_accept_memory.constprop.0.isra.1", "is a part of"),
        ("p_tdx_accept_memory_isra_0_0", "ffffffff81056780", "is a part of"),
        ("p", "tdx_accept_memory.cold+0x0/0x20", "is a part of"),
    ],
)
def test_what_may_be_more_or_less_than_a_call_is_in_doubt(
    event: str, place: str, doubt: str
) -> None:
    found = call_of(event, place)
    assert found is not None and found.function == CALLED and doubt in found.doubt


@pytest.mark.parametrize("place", ["some words", "bar", "a, b", "0x1"])
def test_other_parentheses_are_no_place(place: str) -> None:
    assert call_of("accept_memory", place) is None


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0x40000000", "0x40200000"),
        ("40000000", "40200000"),
        ("1073741824", "1075838976"),
        ("0x40000000", "1075838976"),
        ("4000f000", "40200000"),
    ],
)
def test_numbers_without_0x_are_what_whole_pages_can_be(start: str, end: str) -> None:
    fields = {"arg1": start, "arg2": end}
    first, second = Numbers().of(CALLED, fields, ("arg1", "arg2"))
    assert first in (0x40000000, 0x4000F000) and second == 0x40200000


def test_what_was_seen_of_a_function_decides_where_a_number_does_not() -> None:
    numbers = Numbers()
    both_ways = {"arg1": "4096000", "arg2": "8192000"}
    assert numbers.of(CALLED, both_ways, both_ways) == [4096000, 8192000]
    numbers.of(CALLED, {"arg1": "40000000", "arg2": "40200000"}, ("arg1", "arg2"))
    assert numbers.of(CALLED, both_ways, both_ways) == [0x4096000, 0x8192000]


def test_a_second_field_may_be_a_size() -> None:
    assert range_of([0x1000, 0x2000], ("addr", "len")) == (0x1000, 0x2000)
    assert range_of([0x1000, 0x3000], ("addr", "stop")) == (0x1000, 0x2000)
    with pytest.raises(Damaged, match="before its start"):
        range_of([0x3000, 0x1000], ("start", "end"))
    with pytest.raises(Damaged, match="two fields"):
        range_of([0x3000], ("start",))


@pytest.mark.parametrize(
    ("text", "value"), [("Y", 1), ("n", 0), ("-1", (1 << 64) - 1), ("0xff", 255), ("ff", 255)]
)
def test_values(text: str, value: int) -> None:
    assert value_of(text, "ret") == value


@pytest.mark.parametrize("text", ["", "maybe", "0x", str(1 << 64)])
def test_what_is_no_value(text: str) -> None:
    with pytest.raises(Damaged, match="ret"):
        value_of(text, "ret")
