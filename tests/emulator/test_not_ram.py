# SPDX-License-Identifier: GPL-2.0-only
"""Accepts of, and private accesses to, what is no RAM: a hole, registers, addresses beyond the top."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import HOLE, PAGE, RAM_END, SHARED_ALIAS, SHARED_BIT
from tests.emulator.conftest import Boot

LOCAL_APIC = 0xFEE00000
VERSION = LOCAL_APIC + 0x30


@pytest.mark.parametrize(
    ("case", "gpa"),
    [
        ("hole", HOLE + PAGE),
        ("hole_unit", HOLE),
        ("registers", LOCAL_APIC),
        ("beyond", RAM_END),
        ("far_beyond", 1 << 38),
    ],
)
def test_accept_of_what_is_no_ram_stops(bare: Boot, platform: str, case: str, gpa: int) -> None:
    run = bare(platform, "not_ram", f"case_accept_{case}")
    stop = run.only("stop")
    symbol = "at_pvalidate" if platform == "snp" else "at_tdcall"
    assert (stop.gpa, stop.rip, stop.access) == (gpa, run.at(symbol), "instruction")
    assert stop.reason == "not-ram"
    assert run.said("accept") == []
    assert run.report is not None
    assert run.report["page_state"].startswith("not RAM")


@pytest.mark.parametrize(
    ("case", "symbol", "gpa", "access"),
    [
        ("read_hole", "at_read8", HOLE + 0x10, "read"),
        ("fetch_beyond", None, RAM_END + 0x20, "fetch"),
        ("walk_hole", "at_read8", HOLE, "walk"),
    ],
)
def test_private_access_to_what_is_no_ram_stops(
    bare: Boot, platform: str, case: str, symbol: str | None, gpa: int, access: str
) -> None:
    run = bare(platform, "not_ram", f"case_{case}")
    stop = run.only("stop")
    rip = run.at(symbol) if symbol else gpa
    assert (stop.gpa, stop.rip, stop.access) == (gpa, rip, access)
    assert (stop.reason, stop.private) == ("not-ram", True)


def test_private_access_to_registers_stops_a_td(bare: Boot) -> None:
    stop = bare("tdx", "not_ram", "case_write_registers").only("stop")
    assert (stop.gpa, stop.access, stop.reason) == (LOCAL_APIC, "write", "not-ram")


def test_snp_local_apic_is_reflected_whatever_the_c_bit_says(bare: Boot) -> None:
    run = bare("snp", "not_ram", "case_write_registers")
    (raised,) = run.said("exception")
    assert (raised["vector"], raised["error"], raised["rip"]) == (29, 0x400, run.at("at_write64"))
    assert raised["cr2"] == LOCAL_APIC
    assert run.of("stop") == []


def test_rmpadjust_of_what_is_no_ram_stops(bare: Boot) -> None:
    run = bare("snp", "not_ram", "case_rmpadjust_hole")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.reason) == (
        HOLE,
        run.at("at_rmpadjust"),
        "not-ram",
    )


def test_snp_registers_are_reflected_by_vc_400(bare: Boot) -> None:
    run = bare("snp", "not_ram", "case_registers")
    raised = [(e["vector"], e["error"], e["rip"], e["cr2"]) for e in run.said("exception")]
    assert raised == [
        (29, 0x400, run.at("at_read64"), VERSION + SHARED_ALIAS),
        (29, 0x400, run.at("at_write8"), VERSION + SHARED_ALIAS),
    ]
    assert run.value("version") == 0x50014, "the local APIC's version, by the host"
    assert run.of("fault") == [], "a reflected access is nothing wrong"


def test_tdx_registers_are_reflected_by_ve(bare: Boot) -> None:
    run = bare("tdx", "not_ram", "case_registers")
    assert [(e["vector"], e["rip"]) for e in run.said("exception")] == [
        (20, run.at("at_read64")),
        (20, run.at("at_write8")),
    ]
    told = run.said("ve")
    assert [info["reason"] for info in told] == [48, 48]
    assert [info["qualification"] & 7 for info in told] == [1, 2]
    assert {info["gla"] for info in told} == {VERSION + SHARED_ALIAS}
    assert {info["gpa"] for info in told} == {VERSION | 1 << SHARED_BIT}
    assert run.value("version") == 0x50014
    assert run.of("fault") == []


def test_snp_host_converts_no_hole(bare: Boot) -> None:
    run = bare("snp", "not_ram", "case_psc_hole")
    assert run.value("response") == 1 << 63 | 0x15
    assert run.value("info2") == 0x100 << 32
    assert [event.result for event in run.of("convert") if event.gpa == HOLE] == [0x100 << 32] * 2


def test_tdx_host_converts_no_hole(bare: Boot) -> None:
    run = bare("tdx", "not_ram", "case_convert_hole")
    assert (run.value("shared"), run.value("private")) == (0, 1)
    shared, private = run.of("convert")
    assert (shared.gpa, shared.size, shared.result) == (HOLE, 0, 0), "as a device's address is"
    assert (private.gpa, private.size) == (HOLE, PAGE)
    assert private.result != 0
