# SPDX-License-Identifier: GPL-2.0-only
"""The last lines of the guest's printk ring in the report, found without symbols."""

from __future__ import annotations

from tests.emulator.bare_run import BareRun
from tests.emulator.conftest import Boot

BANNER = "Linux version 9.9 (nobody@nowhere)"
LINES = [BANNER, "Command line: none", "a line of its own", "the last one"]
MOST = 60
"""Lines in a report (emulator/qemu/report.c)."""


def printed(run: BareRun) -> list[str]:
    assert run.report is not None
    assert run.outcome == "terminated"
    lines: list[str] = run.report["printk"]
    return lines


def test_lines_are_as_long_as_the_kernel_says(bare: Boot, platform: str) -> None:
    assert printed(bare(platform, "printk", "case_ring")) == LINES


def test_lines_end_at_their_nul_where_no_length_is_known(bare: Boot) -> None:
    assert printed(bare("snp", "printk", "case_without_infos")) == LINES


def test_only_a_chain_of_records_is_a_ring(bare: Boot) -> None:
    assert printed(bare("snp", "printk", "case_other_banners")) == LINES


def test_only_descriptions_that_fit_the_records_are_used(bare: Boot) -> None:
    assert printed(bare("snp", "printk", "case_other_infos")) == LINES


def test_the_newest_lines_are_reported(bare: Boot) -> None:
    lines = printed(bare("snp", "printk", "case_many"))
    assert lines == [f"line {number:02}" for number in range(100 - MOST, 100)]


def test_a_guest_without_a_ring_has_no_lines(bare: Boot) -> None:
    assert printed(bare("snp", "ends", "case_terminate")) == []
