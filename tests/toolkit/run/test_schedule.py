# SPDX-License-Identifier: GPL-2.0-only
"""Schedules as text: what is taken, what the emulator gets, and what is refused in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.schedule import END, Schedule, parse_schedule

_SCHEDULES = st.one_of(
    *(
        st.builds(
            Schedule,
            st.just(kind),
            st.integers(0, (1 << 63) - 1),
            st.integers(least, most),
            st.integers(0, 1 << 40),
            st.one_of(st.just(END), st.integers((1 << 40) + 1, 1 << 50)),
        )
        for kind, least, most in (("random", 32, 1 << 30), ("pct", 1, 64), ("at-events", 1, 100))
    )
)


@given(_SCHEDULES)
def test_the_text_of_a_schedule_gives_it_again(schedule: Schedule) -> None:
    assert parse_schedule(str(schedule)) == schedule


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("random:7", f"random:7:16384:0:{END}"),
        ("random:7:512@1000-2000", "random:7:512:1000:2000"),
        ("pct:1", f"pct:1:3:0:{1 << 32}"),
        ("pct:1:5@10-", f"pct:1:5:10:{(1 << 32) + 10}"),
        ("at-events:2:100", f"events:2:100:0:{END}"),
    ],
)
def test_what_the_emulator_gets(text: str, value: str) -> None:
    schedule = parse_schedule(text)
    assert schedule is not None
    assert schedule.property_value == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be round-robin, random:SEED"),
        ("random", "must be round-robin, random:SEED"),
        ("fair:1", "must be round-robin, random:SEED"),
        ("random:x", "must be round-robin, random:SEED"),
        ("random:1:31", "must be 32 to"),
        ("pct:1:65", "must be 1 to 64"),
        ("at-events:1:0", "must be 1 to 100"),
        ("random:9999999999999999999", "the seed must be 0 to"),
        ("random:1@5-5", "the window 5-5 is empty"),
    ],
)
def test_another_text_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        parse_schedule(text)


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"threads": "multi"}, "drop --threads multi"), ({"cpus": 1}, "add --cpus 2")],
)
def test_a_schedule_without_effect_is_refused(more: dict[str, object], reason: str) -> None:
    options: dict[str, object] = {"cpus": 2, "schedule": "random:1"}
    with pytest.raises(BadInputError, match=reason):
        RunOptions("debian:6.12", **(options | more))  # type: ignore[arg-type]  # by name
