# SPDX-License-Identifier: GPL-2.0-only
"""The last lines of the guest's printk ring in the report, found without symbols."""

from __future__ import annotations

import pytest

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


def test_what_the_level_left_behind_is_not_shown(bare: Boot) -> None:
    assert printed(bare("snp", "printk", "case_without_infos_after_levels")) == LINES


def test_only_a_chain_of_records_is_a_ring(bare: Boot) -> None:
    assert printed(bare("snp", "printk", "case_other_banners")) == LINES


def test_only_descriptions_that_fit_the_records_are_used(bare: Boot) -> None:
    assert printed(bare("snp", "printk", "case_other_infos")) == LINES


def test_the_newest_lines_are_reported(bare: Boot) -> None:
    lines = printed(bare("snp", "printk", "case_many"))
    assert lines == [f"line {number:02}" for number in range(100 - MOST, 100)]


def test_a_guest_without_a_ring_has_no_lines(bare: Boot) -> None:
    assert printed(bare("snp", "ends", "case_terminate")) == []


PANIC = "Kernel panic - not syncing: no more lines"
OLDEST, NEWER = ["the oldest", "first", "second"], ["third", "fourth", "fifth"]


def test_lines_are_as_long_as_a_kernel_with_callers_context_says(bare: Boot) -> None:
    """Linux 6.17, CONFIG_PRINTK_EXECUTION_CTX: a description has 112 bytes, not 88."""
    assert printed(bare("snp", "printk", "case_ring_with_context")) == LINES


@pytest.mark.parametrize("case", ["without_banner", "infos_wrapped"])
def test_a_ring_without_its_banner_is_found_by_the_panic(
    bare: Boot, platform: str, case: str
) -> None:
    lines = printed(bare(platform, "printk", f"case_{case}"))
    assert lines == [
        *("one before", "and another", "and a third", PANIC, "one after", "the newest"),
    ]


def test_lines_go_on_at_the_start_of_the_ring(bare: Boot) -> None:
    lines = printed(bare("snp", "printk", "case_wrapped_after_the_panic"))
    assert lines == [*OLDEST, PANIC, *NEWER, "sixth"]


def test_older_lines_are_at_the_end_of_the_ring(bare: Boot) -> None:
    lines = printed(bare("snp", "printk", "case_wrapped_before_the_panic"))
    assert lines == [*OLDEST, "and no trouble", *NEWER, PANIC]


def test_texts_without_a_chain_are_no_ring(bare: Boot) -> None:
    assert printed(bare("snp", "printk", "case_only_texts")) == []
