# SPDX-License-Identifier: GPL-2.0-only
"""How guests end, and that the emulator's report says so."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

MESSAGE = "out of luck, and of 64 bytes for a message to the one who cares"


def test_power_off(bare: Boot, platform: str) -> None:
    run = bare(platform, "ends", "case_power_off")
    assert (run.outcome, run.exit_code) == ("shutdown", 0)
    assert run.only("end").detail == len(run.events) - 1
    assert run.report is not None
    assert run.report["events"] == len(run.events) - 1


def test_reset_is_told_from_power_off(bare: Boot, platform: str) -> None:
    run = bare(platform, "ends", "case_reset")
    assert run.report is not None
    assert "power" not in run.report["reason"]
    assert run.said("not reached") == []


def test_triple_fault(bare: Boot, platform: str) -> None:
    run = bare(platform, "ends", "case_triple_fault")
    assert (run.outcome, run.exit_code) == ("triple-fault", 0)
    assert run.report is not None
    assert int(run.report["rip"], 16) == run.at("at_ud2")


def test_triple_fault_is_an_event(bare: Boot, platform: str) -> None:
    run = bare(platform, "ends", "case_triple_fault")
    assert run.only("stop").reason == "triple-fault"


def test_termination_through_the_ghcb(bare: Boot) -> None:
    run = bare("snp", "ends", "case_terminate")
    end = run.only("terminate")
    assert (end.detail, end.rip) == (0x021100, run.at("at_vmgexit"))
    assert run.report is not None
    assert run.report["outcome"] == "terminated"
    assert "set 1 reason 2" in run.report["reason"]


def test_fatal_error_of_a_td(bare: Boot) -> None:
    run = bare("tdx", "ends", "case_terminate")
    end = run.only("terminate")
    assert (end.detail, end.rip) == (0x80000000, run.at("at_tdcall"))
    assert run.report is not None
    assert run.report["outcome"] == "terminated"
    assert run.report["reason"].endswith(MESSAGE)


def test_endless_loop_leaves_no_report_when_killed(bare: Boot, platform: str) -> None:
    run = bare(platform, "ends", "case_loop", Setup(time_limit=1.5))
    assert run.exit_code is None
    assert run.report is None
    assert run.of("end") == [], "a stream that was cut off must not look complete"
    assert run.lines == ["looping"]


@pytest.mark.parametrize("threads", ["single", "multi"])
def test_emulator_that_is_told_to_end_reports_where_the_guest_was(
    bare: Boot, platform: str, threads: str
) -> None:
    run = bare(platform, "ends", "case_spin", Setup(threads=threads, ended_at="spinning"))
    assert (run.outcome, run.exit_code) == ("killed", 0)
    assert run.report is not None
    assert run.report["reason"] == "the emulator was terminated"
    assert run.at("spin") <= int(run.report["rip"], 16) < run.at("spin_end")
    assert run.only("end").detail == len(run.events) - 1


@pytest.mark.parametrize("backing", ["2M", "4K"])
def test_report_counts_what_is_accepted(bare: Boot, platform: str, backing: str) -> None:
    setup = Setup(properties=(f"host-backing={backing}",))
    run = bare(platform, "convert", "case_properly", setup)
    assert run.report is not None
    shared = PAGE if platform == "snp" else 0  # the GHCB
    assert run.report["accepted_bytes"] == FRESH - shared + PAGE
