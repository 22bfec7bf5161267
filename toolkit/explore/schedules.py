# SPDX-License-Identifier: GPL-2.0-only
"""Which schedules an exploration tries, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.schedule import parse_schedule

KINDS = ("random", "pct", "at-events")
"""Kinds of schedules, one after the other for each seed: none of them finds every race first."""


def exploration(
    options: RunOptions, number: int, first_seed: int, kinds: Sequence[str]
) -> list[RunOptions]:
    """Return `number` runs that differ in nothing but their schedule; the kinds take turns, the seeds count up.

    Raises BadInputError for fewer than one run, or options with which vCPUs take no turns.
    """
    if number < 1:
        raise BadInputError(f"--schedules {number}: must be at least 1")
    if not kinds:
        raise BadInputError("--kind: name at least one")
    return [
        replace(options, schedule=f"{kinds[index % len(kinds)]}:{first_seed + index // len(kinds)}")
        for index in range(number)
    ]


def windowed(options: RunOptions, start: int, end: int) -> RunOptions:
    """Return the run with its schedule in effect from instruction `start` to `end` of the guest only."""
    schedule = parse_schedule(options.schedule)
    if schedule is None:
        raise BadInputError(f"--schedule {options.schedule}: has no window")
    return replace(options, schedule=str(schedule.within(start, end)))
