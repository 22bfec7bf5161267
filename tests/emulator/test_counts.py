# SPDX-License-Identifier: GPL-2.0-only
"""Executions of functions, counted by stage without events."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot
from tests.emulator.test_probes import line, probed


def counts(run: BareRun) -> dict[str, Any]:
    """Return the report's counts: function to stage to number."""
    assert run.report is not None
    assert "done" in run.lines
    return {one["name"]: one["executed"] for one in run.report["counts"]}


def test_every_execution_counts_and_is_no_event(bare: Boot, platform: str) -> None:
    lines = ("count", line(platform, "nested"), line(platform, "sum"))
    run = bare(platform, "probes", "case_calls", Setup(probes=lines))
    assert counts(run) == {"sum": {"kernel": 2}, "nested": {}}
    assert probed(run) == []


def test_a_place_within_a_block_counts(bare: Boot) -> None:
    run = bare("snp", "probes", "case_calls", Setup(probes=("count", line("snp", "in_passing"))))
    assert counts(run) == {"in_passing": {"kernel": 1}}


def test_a_probe_and_a_count_are_of_the_same_calls(bare: Boot) -> None:
    place = line("snp", "sum")
    run = bare("snp", "probes", "case_calls", Setup(probes=(place, "count", place)))
    assert counts(run) == {"sum": {"kernel": 2}}
    assert len(probed(run)) == 4


def test_two_names_of_one_place_count_alike(bare: Boot) -> None:
    place = line("snp", "sum")
    lines = ("count", place, place.replace("sum", "alias"), line("snp", "nested"))
    run = bare("snp", "probes", "case_calls", Setup(probes=lines))
    assert counts(run) == {"sum": {"kernel": 2}, "alias": {"kernel": 2}, "nested": {}}


def test_a_run_without_counts_reports_none(bare: Boot) -> None:
    run = bare("snp", "probes", "case_calls", Setup(probes=(line("snp", "sum"),)))
    assert run.report is not None
    assert "counts" not in run.report


def test_a_second_kernel_counts_where_it_lies(bare: Boot, platform: str) -> None:
    lines = ("count", line(platform, "sum"))
    run = bare(platform, "probes", "case_second_kernel", Setup(probes=lines))
    [stages] = counts(run).values()
    assert sorted(stages) == ["kernel", "second-kernel"]
    assert all(stages.values())


def test_another_second_kernel_is_not_counted(bare: Boot) -> None:
    lines = (line("snp", "nested"), "second", line("snp", "nested"), "count", line("snp", "sum"))
    run = bare("snp", "probes", "case_second_kernel", Setup(probes=lines))
    [stages] = counts(run).values()
    assert list(stages) == ["kernel"]


def test_counting_changes_nothing_that_the_guest_does(bare: Boot) -> None:
    def trace(run: BareRun) -> list[tuple[str, int, int, int]]:
        return [(one.kind, one.gpa, one.rip, one.clock) for one in run.events]

    without = bare("snp", "probes", "case_recursion", Setup())
    counted = bare(
        "snp", "probes", "case_recursion", Setup(probes=("count", line("snp", "nested")))
    )
    assert counts(counted) == {"nested": {"kernel": 4}}
    assert trace(counted) == trace(without)


@pytest.mark.parametrize("wrong", ["sum", "sum here", "sum 0x1000 0x2000"])
def test_a_line_that_names_no_place_ends_the_emulator(bare: Boot, wrong: str) -> None:
    run = bare("snp", "probes", "case_calls", Setup(probes=("count", wrong)))
    assert run.exit_code == 1
    assert f"probes: {run.folder / 'probes'}:2: cannot use '{wrong}'" in run.log
