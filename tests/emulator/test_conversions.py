# SPDX-License-Identifier: GPL-2.0-only
"""Pages that change hands between guest and host (semantics.md 1.5, 1.6, 2.5, 2.7)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE, UNIT
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

AT = FRESH + 7 * PAGE
PRIVATE, SHARED = 1, 2
NPF_RMP, NPF_FINAL, NPF_PAGE_TABLE, NPF_ENC = 1, 2, 4, 8
EPT_VIOLATION = 48


def test_round_trip_in_good_order(bare: Boot, platform: str) -> None:
    run = bare(platform, "convert", "case_properly")
    assert [run.value(name) for name in ("accept", "shared", "private", "again")] == [0] * 4
    assert run.value("read-shared") == 0x1122334455667788
    assert run.value("read") == 5
    assert run.said("exception") == []
    converted = [event.detail for event in run.of("convert") if event.gpa == AT]
    assert converted == [SHARED, PRIVATE]
    assert run.outcome == "shutdown"


def test_a_converted_page_is_other_memory(bare: Boot, platform: str) -> None:
    run = bare(platform, "convert", "case_content")
    assert (run.value("shared"), run.value("still")) == (0, 0x99)
    if platform == "tdx":
        assert run.value("private") == 0, "an accept clears the page"
    else:
        assert run.value("private") not in (0, 0x99, 0x1122334455667788)


def test_a_host_that_converts_in_place_leaves_the_content(bare: Boot, platform: str) -> None:
    run = bare(platform, "convert", "case_content", Setup(properties=("host-in-place=on",)))
    assert (run.value("shared"), run.value("still")) == (0x1122334455667788, 0x99)
    assert run.value("private") == (0 if platform == "tdx" else 0x99)


def test_round_trip_of_a_unit(bare: Boot, platform: str) -> None:
    run = bare(platform, "convert", "case_unit")
    assert [run.value(name) for name in ("accept", "shared", "private", "again")] == [0] * 4
    assert (run.value("read-shared"), run.value("exceptions")) == (6, 0)
    assert [e.size for e in run.of("convert") if e.gpa == FRESH] == [UNIT, UNIT]
    assert [e.size for e in run.of("remove") if e.gpa == FRESH] == [UNIT]


def test_snp_use_after_conversion_without_accept(bare: Boot) -> None:
    run = bare("snp", "convert", "case_unaccepted_after")
    fault = run.only("fault")
    assert (fault.gpa, fault.rip, fault.access) == (AT + 0x10, run.at("at_read8"), "read")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"], raised["cr2"]) == (29, 0x404, AT + 0x10)


def test_tdx_use_after_conversion_without_accept(bare: Boot) -> None:
    run = bare("tdx", "convert", "case_unaccepted_after")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT + 0x10, run.at("at_read8"), "read")
    assert stop.reason == "pending"
    assert run.report is not None
    kinds = [event["kind"] for event in run.report["page_history"]]
    assert kinds[:1] == ["ram"]
    assert kinds[-1] == "stop"
    assert kinds.count("convert") == 2


@pytest.mark.parametrize(
    ("case", "symbol", "access"),
    [
        ("private_read_of_shared", "at_read8", "read"),
        ("private_write_of_shared", "at_write64", "write"),
        ("read_after_sharing", "at_read8", "read"),
        ("walk_through_shared", "at_read8", "walk"),
    ],
)
def test_private_use_of_a_shared_page_stops(
    bare: Boot, platform: str, case: str, symbol: str, access: str
) -> None:
    run = bare(platform, "convert", f"case_{case}")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at(symbol), access)
    assert (stop.reason, stop.private) == ("not-assigned", True)
    last = NPF_PAGE_TABLE if access == "walk" else NPF_FINAL
    assert stop.platform == (NPF_RMP | NPF_ENC | last if platform == "snp" else EPT_VIOLATION)
    assert run.outcome == "stopped"
    assert run.said("exception") == []


def test_accept_of_a_shared_page_stops(bare: Boot, platform: str) -> None:
    run = bare(platform, "convert", "case_accept_shared")
    stop = run.only("stop")
    symbol = "at_pvalidate" if platform == "snp" else "at_tdcall"
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at(symbol), "instruction")
    assert stop.reason == "not-assigned"


def test_shared_use_after_the_page_became_private_stops(bare: Boot, platform: str) -> None:
    run = bare(platform, "convert", "case_shared_use_after_private")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.access) == (AT, run.at("at_write64"), "write")
    assert (stop.reason, stop.private) == ("shared-access", False)
    assert run.said("written") == []


def test_conversion_without_rescind_is_taken_by_the_host(bare: Boot) -> None:
    """RMPUPDATE clears Validated, so the next PVALIDATE succeeds: only the order of events betrays the guest."""
    run = bare("snp", "convert", "case_without_rescind")
    assert (run.value("shared"), run.value("private")) == (0x15, 0x15)
    assert run.value("read-shared") == 7
    assert run.value("accept") == 0
    assert [event for event in run.of("rescind") if event.gpa == AT] == []


def test_rescinded_page_is_out_of_reach_at_once(bare: Boot) -> None:
    run = bare("snp", "convert", "case_rescind_then_use")
    assert run.value("rescind") == 0
    faults = [(event.gpa, event.rip, event.access) for event in run.of("fault")]
    assert faults == [(AT, run.at("at_read8"), "read"), (AT, run.at("at_write8"), "write")]
    assert run.value("accept") == 0
    assert run.value("content") == 1, "PVALIDATE neither moves nor zeroes data"
