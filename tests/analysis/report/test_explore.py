# SPDX-License-Identifier: GPL-2.0-only
"""What an exploration shows: what counts as a hit, the same hit again, the headline, and the exit code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acceptlab.analysis.report.explore.explore_sheet import ExploreSheet, Hit, Tried
from acceptlab.analysis.report.explore.explore_text import as_text

CLEAN = Tried("random:1:16384", "done", "clean", "userspace", (), 400, 900)
FINDING = Tried(
    "pct:1:3",
    "done",
    "findings",
    "userspace",
    ("I2 a page was accepted twice",),
    401,
    None,
    "acceptlab run k --schedule pct:1:3",
)
DEAD = Tried("at-events:1:50", "done", "findings", "panic", ("I1 an access before accept",), 7)
UNDECIDED = replace(CLEAN, verdict="undecided")
NOT_RUN = Tried("random:2", "missing", "", "no kernel of that name")


@pytest.mark.parametrize(
    ("run", "hit"),
    [(CLEAN, False), (FINDING, True), (DEAD, True), (UNDECIDED, False), (NOT_RUN, False)],
)
def test_a_hit_is_a_finding_or_a_guest_that_ended_early(run: Tried, hit: bool) -> None:
    assert run.hit is hit


def test_the_same_hit_has_the_same_outcome_and_one_of_the_findings() -> None:
    assert replace(FINDING, schedule="pct:1:3@5-9").shows(FINDING)
    assert not CLEAN.shows(FINDING)
    assert not DEAD.shows(FINDING)
    assert not replace(FINDING, findings=("I6 two vCPUs",)).shows(FINDING)


@pytest.mark.parametrize(
    ("runs", "code"),
    [([CLEAN], 0), ([CLEAN, FINDING], 1), ([CLEAN, UNDECIDED], 4), ([CLEAN, NOT_RUN], 3)],
)
def test_the_exit_code_is_that_of_the_worst_run(runs: list[Tried], code: int) -> None:
    assert ExploreSheet("k", len(runs), runs, []).exit_code == code


def test_the_text_counts_by_kind_and_gives_the_line_that_reproduces_a_hit() -> None:
    reduced = replace(
        FINDING, schedule="pct:1:3@5-9", reproduce="acceptlab run k --schedule pct:1:3@5-9"
    )
    text = as_text(
        ExploreSheet(
            "k", 9, [CLEAN, replace(CLEAN, accepts=410), FINDING], [Hit(FINDING, reduced, 12)]
        )
    )
    assert text.splitlines() == [
        "k: 3 of 9 schedules run, 1 hit; stopped at the first hit, 6 schedules not tried (--keep-going)",
        "",
        "  random     2 clean; accepts 400 to 410; longest stall 900 instructions",
        "  pct        1 findings; accepts 401",
        "",
        "hit 1: pct:1:3: I2 a page was accepted twice",
        "  shortest window: pct:1:3@5-9 (12 turns)",
        "  acceptlab run k --schedule pct:1:3@5-9",
    ]


def test_runs_that_could_not_be_made_are_named() -> None:
    text = as_text(ExploreSheet("k", 2, [CLEAN, NOT_RUN], []))
    assert "1 of 2 schedules run, no finding" in text
    assert "not run: random:2: no kernel of that name" in text
