# SPDX-License-Identifier: GPL-2.0-only
"""The runs of an exploration differ in nothing but their schedule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.explore.schedules import KINDS, exploration, windowed
from acceptlab.toolkit.run.options import RunOptions

_OPTIONS = RunOptions("debian:6.12", memory="2G", cpus=2)


def test_kinds_take_turns_and_seeds_count_up() -> None:
    runs = exploration(_OPTIONS, 4, 5, KINDS)
    assert [one.schedule for one in runs] == ["random:5", "pct:5", "at-events:5", "random:6"]
    assert {replace(one, schedule="round-robin") for one in runs} == {_OPTIONS}


def test_a_window_bounds_the_schedule_that_is_there() -> None:
    run = windowed(replace(_OPTIONS, schedule="pct:3:2"), 100, 200)
    assert run.schedule == "pct:3:2@100-200"


def test_one_vcpu_has_nothing_to_explore() -> None:
    with pytest.raises(BadInputError, match="add --cpus 2"):
        exploration(replace(_OPTIONS, cpus=1), 3, 1, KINDS)


def test_no_schedule_at_all_is_refused() -> None:
    with pytest.raises(BadInputError, match="--schedules 0: must be at least 1"):
        exploration(_OPTIONS, 0, 1, KINDS)
