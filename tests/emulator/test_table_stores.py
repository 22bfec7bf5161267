# SPDX-License-Identifier: GPL-2.0-only
"""Stores to the table of unaccepted memory are events, and go on as stores do."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAPERS
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

TABLE, SIZE = PAPERS + 0x28, 24 + 16
BITMAP = TABLE + 24
ALL = (1 << 64) - 1
LINES = (f"unaccepted-table {TABLE:#x}", f"unaccepted-table-size {SIZE}")
WATCHED = Setup(handoff=LINES)
MOST_OTHER_STORES = 65536


def stores(run: BareRun) -> list[tuple[int, int, int, int]]:
    """Return (offset in the table, bytes, before, after) of each."""
    return [(one.gpa - TABLE, one.size, one.result, one.detail) for one in run.of("table-store")]


def test_the_watch_begins_with_the_boot_handoff(bare: Boot, platform: str) -> None:
    run = bare(platform, "table_stores", "case_around", WATCHED)
    begun = run.only("table-watch")
    assert (begun.gpa, begun.size, begun.detail) == (TABLE, SIZE, 1)
    assert begun.seq < run.of("stage")[0].seq


@pytest.mark.parametrize("lines", [(), LINES[:1], ("unaccepted-table 0x40000000", LINES[1])])
def test_without_a_table_there_is_nothing_to_watch(bare: Boot, lines: tuple[str, ...]) -> None:
    run = bare("snp", "table_stores", "case_bits", Setup(handoff=lines))
    assert (run.of("table-watch"), run.of("table-store")) == ([], [])
    assert run.outcome == "shutdown"


def test_each_store_that_changes_something_is_one_event(bare: Boot, platform: str) -> None:
    run = bare(platform, "table_stores", "case_bits", WATCHED)
    assert stores(run) == [
        (24, 8, 0, ALL),
        (24, 1, 0xFF, 0xFE),
        (26, 2, 0xFFFF, 0x0FFF),
        (24, 8, ALL & ~0xF0000001, ALL & ~0xF0000011),
        (24, 8, ALL & ~0xF0000011, ALL & ~0xF0000031),
    ]
    assert run.value("bits") == ALL & ~0xF0000031
    first, last = run.of("table-store")[0], run.of("table-store")[-1]
    assert first.vcpu == 0
    assert first.clock < last.clock
    assert run.at("write64") <= first.rip < run.at("write64") + 16
    assert run.at("case_bits") < last.rip < run.at("case_around")


def test_what_lies_beside_the_table_is_stored_without_events(bare: Boot, platform: str) -> None:
    run = bare(platform, "table_stores", "case_around", WATCHED)
    assert stores(run) == []
    assert run.said("before") == [{"before": 0x11, "behind": 0x22, "next": 0x33}]


def test_the_header_is_part_of_the_table(bare: Boot) -> None:
    run = bare("snp", "table_stores", "case_header", WATCHED)
    assert stores(run) == [(0, 1, 0, 1), (8, 8, 0, FRESH)]


def test_a_string_instruction_is_a_store_for_each_byte(bare: Boot) -> None:
    run = bare("tdx", "table_stores", "case_string", WATCHED)
    assert stores(run)[2:] == [(24 + place, 1, 0xFF, 0) for place in range(16)]
    assert run.value("bits") == 0


@pytest.mark.parametrize("threads", ["single", "multi"])
def test_the_event_names_the_vcpu(bare: Boot, platform: str, threads: str) -> None:
    run = bare(
        platform, "table_stores", "case_second_cpu", Setup(cpus=2, threads=threads, handoff=LINES)
    )
    assert stores(run) == [(24, 8, 0, 1)]
    assert run.only("table-store").vcpu == 1
    assert run.value("bits") == 1


def test_code_in_the_tables_page_ends_the_watch_and_runs_as_it_stands(
    bare: Boot, platform: str
) -> None:
    run = bare(platform, "table_stores", "case_code", WATCHED)
    assert (run.value("first"), run.value("second"), run.value("bits")) == (1, 2, 5)
    assert [one.detail for one in run.of("table-watch")] == [1, 0]
    assert stores(run) == []


def test_so_many_stores_that_it_is_no_table_end_the_watch(bare: Boot) -> None:
    run = bare("snp", "table_stores", "case_many", WATCHED)
    assert len(stores(run)) == MOST_OTHER_STORES
    assert [one.detail for one in run.of("table-watch")] == [1, 0]
    assert run.of("table-watch")[1].seq == run.of("table-store")[-1].seq + 1
    assert run.value("bits") == 70000


def test_a_run_leaves_the_same_trace_again(bare: Boot, platform: str) -> None:
    first, second = (
        bare(platform, "table_stores", "case_bits", Setup(handoff=LINES, time_limit=limit))
        for limit in (20.0, 21.0)
    )
    assert [vars(one) for one in first.of("table-store")] == [
        vars(one) for one in second.of("table-store")
    ]
