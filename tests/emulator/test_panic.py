# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that entered panic() and goes round in circles is ended; one that starts another kernel goes on."""

from __future__ import annotations

from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot
from tests.emulator.kernel_map import linked

GRACE = 2_000_000_000
"""Instructions that a panic may take (emulator/qemu/panic.c)."""
PATIENCE = 90
"""Seconds that they may take on a machine that does other things as well."""


def watched(platform: str, *words: str) -> Setup:
    start, end = (linked("panic", platform, symbol) for symbol in ("panics", "panics_end"))
    lines = tuple(f"{word} {start:#x} {end:#x}" for word in words or ("panic",))
    return Setup(skip_list=lines, time_limit=PATIENCE)


def test_a_panic_without_an_end_is_ended(bare: Boot, platform: str) -> None:
    run = bare(platform, "panic", "case_circles", watched(platform))
    assert (run.outcome, run.exit_code) == ("panic", 0)
    assert run.report is not None
    assert "did not reset" in run.report["reason"]
    took = run.report["instructions"] - run.report["stages"]["kernel"]
    assert GRACE <= took < GRACE * 1.1


def test_a_panic_is_no_event(bare: Boot) -> None:
    run = bare("snp", "panic", "case_circles", watched("snp"))
    assert not [event for event in run.events if event.kind.startswith("probe")]


def test_a_panic_without_an_end_is_ended_with_threads(bare: Boot) -> None:
    skip_list = watched("snp").skip_list
    run = bare(
        "snp",
        "panic",
        "case_circles",
        Setup(threads="multi", skip_list=skip_list, time_limit=PATIENCE),
    )
    assert (run.outcome, run.exit_code) == ("panic", 0)


def test_a_crash_kernel_takes_the_time_that_it_takes(bare: Boot) -> None:
    run = bare("tdx", "panic", "case_crash_kernel", watched("tdx"))
    assert "done" in run.lines
    assert run.report is not None
    assert run.report["instructions"] > GRACE * 1.1


def test_a_crash_kernel_that_panics_is_ended(bare: Boot, platform: str) -> None:
    run = bare(
        platform, "panic", "case_crash_kernel_panics", watched(platform, "panic", "second-panic")
    )
    assert (run.outcome, run.exit_code) == ("panic", 0)
    assert run.report is not None
    assert "did not reset" in run.report["reason"]
    took = run.report["instructions"] - run.report["stages"]["second-kernel"]
    assert GRACE <= took < GRACE * 1.1


def test_a_kernel_that_only_oopses_is_ended(bare: Boot, platform: str) -> None:
    start, end = (linked("panic", platform, symbol) for symbol in ("oops", "oops_end"))
    setup = Setup(skip_list=(f"oops {start:#x} {end:#x}",), time_limit=PATIENCE)
    run = bare(platform, "panic", "case_oopses", setup)
    assert (run.outcome, run.exit_code) == ("panic", 0)
    assert run.report is not None
    assert "oopsed again and again" in run.report["reason"]
