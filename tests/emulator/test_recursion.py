# SPDX-License-Identifier: GPL-2.0-only
"""Exceptions whose own delivery needs unaccepted memory end the guest; they do not recurse for ever."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

DF = 8
VE = Setup(properties=("pending-ve=on",))
FEW = 10
"""A fault, those of delivering it and of the double fault: two handfuls at most."""


@pytest.mark.parametrize(
    ("platform", "setup"), [("snp", Setup()), ("tdx", VE)], ids=["snp", "tdx-ve"]
)
@pytest.mark.parametrize("case", ["idt", "page_table"])
def test_triple_fault(bare: Boot, platform: str, setup: Setup, case: str) -> None:
    run = bare(platform, "recursion", f"case_{case}", setup)
    assert run.outcome == "triple-fault"
    assert 1 <= len(run.of("fault")) <= FEW
    assert {event.gpa & ~(PAGE - 1) for event in run.of("fault")} == {FRESH}
    assert run.only("stop").reason == "triple-fault"
    symbol = "at_ud2" if case == "idt" else "at_new_tables"
    assert {event.rip for event in run.of("fault")} == {run.at(symbol)}
    assert run.only("stop").rip == run.at(symbol)


@pytest.mark.parametrize(
    ("platform", "setup"), [("snp", Setup()), ("tdx", VE)], ids=["snp", "tdx-ve"]
)
def test_stack_that_was_not_accepted_is_a_double_fault(
    bare: Boot, platform: str, setup: Setup
) -> None:
    """#DF has a stack of its own, so the guest can still tell."""
    run = bare(platform, "recursion", "case_stack", setup)
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"]) == (DF, 0)
    assert raised["rip"] == run.at("at_push")
    assert run.outcome == "terminated"
    assert len(run.of("fault")) <= FEW


@pytest.mark.parametrize(
    ("platform", "setup"), [("snp", Setup()), ("tdx", VE)], ids=["snp", "tdx-ve"]
)
def test_fault_while_delivering_a_page_fault_is_a_double_fault(
    bare: Boot, platform: str, setup: Setup
) -> None:
    """#VC is contributory, and #VE is in the class of page faults; either one makes #DF of a #PF."""
    run = bare(platform, "recursion", "case_page_fault_stack", setup)
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"], raised["rip"]) == (DF, 0, run.at("at_read8"))
    assert run.only("fault").gpa & ~(PAGE - 1) == FRESH


@pytest.mark.parametrize(
    ("case", "symbol", "access"),
    [
        ("idt", "at_ud2", "read"),
        ("idt_after_exchange", "at_exchange64", "read"),
        ("page_table", "at_new_tables", "walk"),
        ("stack", "at_push", "write"),
    ],
)
def test_td_is_stopped_at_the_first_touch(bare: Boot, case: str, symbol: str, access: str) -> None:
    run = bare("tdx", "recursion", f"case_{case}")
    stop = run.only("stop")
    assert (stop.gpa & ~(PAGE - 1), stop.rip, stop.access) == (
        FRESH,
        run.at(symbol),
        access,
    )
    assert stop.reason == "pending"


@pytest.mark.parametrize(
    ("platform", "setup"), [("snp", Setup()), ("tdx", VE)], ids=["snp", "tdx-ve"]
)
def test_guest_that_only_faults_is_stopped(bare: Boot, platform: str, setup: Setup) -> None:
    run = bare(platform, "recursion", "case_handler_that_does_nothing", setup)
    assert run.outcome == "stopped"
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.reason) == (FRESH, run.at("at_read8"), "no-progress")
    assert {(event.gpa, event.rip) for event in run.of("fault")} == {(FRESH, run.at("at_read8"))}


@pytest.mark.parametrize(
    ("platform", "setup"), [("snp", Setup()), ("tdx", VE)], ids=["snp", "tdx-ve"]
)
def test_guest_that_waits_in_its_handler_goes_on(bare: Boot, platform: str, setup: Setup) -> None:
    run = bare(platform, "recursion", "case_handler_that_waits", setup)
    assert run.of("stop") == []
    assert run.value("read") == 0
    assert len(run.of("fault")) == 12_000
