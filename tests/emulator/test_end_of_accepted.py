# SPDX-License-Identifier: GPL-2.0-only
"""Accesses that cross the end of accepted memory by up to 7 bytes (semantics.md 3.4.5, load_unaligned_zeropad)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE
from tests.emulator.conftest import Boot

END = FRESH + PAGE
CROSSING = [
    ("read_across", "at_read64", END, "read"),
    ("write_across", "at_write64", END, "write"),
    ("read_into", "at_read64", END - 7, "read"),
]
crossing = pytest.mark.parametrize(
    ("case", "symbol", "first", "access"), CROSSING, ids=[case[0] for case in CROSSING]
)


def test_reading_up_to_the_end_is_fine(bare: Boot, platform: str) -> None:
    run = bare(platform, "end_of_accepted", "case_read_up_to_end")
    assert (run.value("read"), run.value("exceptions")) == (0, 0)


@crossing
def test_snp_crossing_faults_at_the_first_unaccepted_byte(
    bare: Boot, case: str, symbol: str, first: int, access: str
) -> None:
    run = bare("snp", "end_of_accepted", f"case_{case}")
    fault = run.only("fault")
    assert (fault.gpa, fault.rip, fault.access) == (first, run.at(symbol), access)
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"], raised["cr2"]) == (29, 0x404, first)


@crossing
def test_tdx_crossing_stops_at_the_first_unaccepted_byte(
    bare: Boot, case: str, symbol: str, first: int, access: str
) -> None:
    run = bare("tdx", "end_of_accepted", f"case_{case}")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (first, run.at(symbol), access)
    assert stop.reason == "pending"


def test_crossing_write_that_faults_writes_nothing(bare: Boot) -> None:
    run = bare("snp", "end_of_accepted", "case_write_across")
    assert run.value("first") == 0x5A


def test_instruction_across_the_end(bare: Boot, platform: str) -> None:
    run = bare(platform, "end_of_accepted", "case_fetch_across")
    [refused] = [*run.of("fault"), *run.of("stop")]
    assert (refused.gpa, refused.rip, refused.access) == (END, END - 3, "fetch")


def test_snp_string_instruction_stops_where_it_is(bare: Boot) -> None:
    run = bare("snp", "end_of_accepted", "case_string")
    fault = run.only("fault")
    assert (fault.gpa, fault.rip, fault.access) == (END, run.at("at_stosb"), "write")
    assert (run.value("to"), run.value("count"), run.value("last")) == (END, PAGE, 0x5A)


def test_tdx_string_instruction_stops_where_it_is(bare: Boot) -> None:
    run = bare("tdx", "end_of_accepted", "case_string")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (END, run.at("at_stosb"), "write")
    assert run.report is not None
    assert int(run.report["registers"]["rdi"], 16) == END
    assert int(run.report["registers"]["rcx"], 16) == PAGE


BEFORE = {"read_across": 1, "write_across": 1, "read_into": 0}
"""Bytes of each crossing access that lie in the page before the one that was refused."""


@pytest.mark.parametrize("case", BEFORE)
def test_an_access_that_straddles_says_how_much_lies_in_the_page_before(
    bare: Boot, case: str, platform: str
) -> None:
    run = bare(platform, "end_of_accepted", f"case_{case}")
    [refused] = [*run.of("fault"), *run.of("stop")]
    assert refused.detail >> 16 & 0xFF == BEFORE[case]


def test_a_string_instruction_that_reaches_a_page_does_not_straddle(
    bare: Boot, platform: str
) -> None:
    run = bare(platform, "end_of_accepted", "case_string")
    [refused] = [*run.of("fault"), *run.of("stop")]
    assert (refused.gpa, refused.detail >> 16 & 0xFF) == (END, 0)
