# SPDX-License-Identifier: GPL-2.0-only
"""A page that was never accepted: read, written, executed, walked through (semantics.md 1.6 and 2.6)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE, UNIT, WINDOW
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

VC, VC_NOT_VALIDATED = 29, 0x404
VE, EPT_VIOLATION = 20, 48
LINEAR_VALID, NOT_A_WALK = 1 << 7, 1 << 8
"""Exit qualification of an EPT violation (SDM Vol 3C table 28-7); bits 0, 1, 2: read, write, fetch."""


@dataclass(frozen=True)
class Touch:
    """One way to touch: the case, the instruction, the address used, the page hit, and what a TD is told."""

    case: str
    symbol: str | None
    """None: the instruction is what could not be fetched."""
    gva: int
    gpa: int
    access: str
    qualification: int

    def rip(self, run: BareRun) -> int:
        return run.at(self.symbol) if self.symbol else self.gva


TOUCHES = [
    Touch("read", "at_read8", FRESH + 0x123, FRESH + 0x123, "read", 1 | LINEAR_VALID | NOT_A_WALK),
    Touch(
        "write",
        "at_write64",
        FRESH + PAGE + 8,
        FRESH + PAGE + 8,
        "write",
        2 | LINEAR_VALID | NOT_A_WALK,
    ),
    Touch(
        "fetch",
        None,
        FRESH + 2 * PAGE + 0x10,
        FRESH + 2 * PAGE + 0x10,
        "fetch",
        4 | LINEAR_VALID | NOT_A_WALK,
    ),
    Touch("walk", "at_read8", WINDOW + 0x1000, FRESH + 3 * PAGE, "walk", 1 | LINEAR_VALID),
    Touch("user_read", "at_user_read", FRESH, FRESH, "read", 1 | LINEAR_VALID | NOT_A_WALK),
]
touches = pytest.mark.parametrize("touch", TOUCHES, ids=[touch.case for touch in TOUCHES])


def is_told(run: BareRun, touch: Touch, vector: int, error: int) -> None:
    """Check that the guest got one exception at the instruction, and that the fault event says the same."""
    [exception] = run.said("exception")
    assert (exception["vector"], exception["error"]) == (vector, error)
    assert exception["rip"] == touch.rip(run)
    fault = run.only("fault")
    assert (fault.rip, fault.gpa, fault.access) == (touch.rip(run), touch.gpa, touch.access)
    assert fault.private
    assert run.outcome == "shutdown"


@touches
def test_snp_guest_gets_vc_404(bare: Boot, touch: Touch) -> None:
    run = bare("snp", "touch_unaccepted", f"case_{touch.case}")
    is_told(run, touch, VC, VC_NOT_VALIDATED)
    assert run.said("exception")[0]["cr2"] == touch.gva
    assert run.only("fault").platform == VC_NOT_VALIDATED


@touches
def test_td_is_stopped_with_ve_disabled(bare: Boot, touch: Touch) -> None:
    run = bare("tdx", "touch_unaccepted", f"case_{touch.case}")
    stop = run.only("stop")
    assert (stop.rip, stop.gpa, stop.access) == (touch.rip(run), touch.gpa, touch.access)
    assert (stop.reason, stop.platform, stop.private) == ("pending", EPT_VIOLATION, True)
    assert run.outcome == "stopped"
    assert run.lines == [], "the guest went on"
    assert run.report is not None
    assert int(run.report["rip"], 16) == touch.rip(run)
    assert int(run.report["gpa"], 16) == touch.gpa
    assert "PENDING" in run.report["page_state"]


@touches
def test_td_gets_ve_when_it_is_enabled(bare: Boot, touch: Touch) -> None:
    setup = Setup(properties=("pending-ve=on",))
    run = bare("tdx", "touch_unaccepted", f"case_{touch.case}", setup)
    is_told(run, touch, VE, 0)
    [told] = run.said("ve")
    assert told["reason"] == EPT_VIOLATION
    assert told["qualification"] == touch.qualification
    assert (told["gla"], told["gpa"]) == (touch.gva, touch.gpa)


@pytest.mark.parametrize(
    ("properties", "told"),
    [((), False), (("flexible-pending-ve=on",), True)],
    ids=["fixed", "flexible"],
)
def test_td_may_ask_for_ve_only_where_it_is_flexible(
    bare: Boot, properties: tuple[str, ...], told: bool
) -> None:
    run = bare("tdx", "accept_tdx", "case_choose_ve", Setup(properties=properties))
    assert run.value("flags") == (6 if told else 4), "NO_RBP_MOD, and FLEXIBLE_PENDING_VE"
    assert run.value("write") == (0 if told else 0xC0000C0300000000)
    assert run.value("control") == (0 if told else 1)
    assert len(run.of("fault")) == (1 if told else 0)
    assert run.outcome == ("shutdown" if told else "stopped")


@pytest.mark.parametrize(
    ("properties", "stopped"),
    [(("pending-ve=on",), False), (("pending-ve=on", "flexible-pending-ve=on"), True)],
    ids=["fixed", "flexible"],
)
def test_td_may_turn_ve_off_only_where_it_is_flexible(
    bare: Boot, properties: tuple[str, ...], stopped: bool
) -> None:
    run = bare("tdx", "accept_tdx", "case_choose_exit", Setup(properties=properties))
    assert run.outcome == ("stopped" if stopped else "shutdown")
    assert len(run.of("stop")) == (1 if stopped else 0)


def test_refused_access_leaves_nothing_in_the_tlb(bare: Boot) -> None:
    run = bare("snp", "touch_unaccepted", "case_read_twice")
    assert run.values("exceptions") == [2, 2]
    assert run.value("accept") == 0
    assert run.value("read") == 0
    assert len(run.of("fault")) == 2


def test_unhandled_vc_ends_in_termination(bare: Boot) -> None:
    run = bare("snp", "touch_unaccepted", "case_fatal")
    assert run.only("fault").rip == run.at("at_read8")
    end = run.only("terminate")
    assert (end.detail, end.rip) == (0x100, run.at("at_vmgexit"))
    assert run.outcome == "terminated"
    assert run.said("not reached") == []


def test_host_assigns_the_unit_before_the_guest_is_told(bare: Boot, platform: str) -> None:
    """The page is owned by nobody at first; only after the host gave it can it be pending (semantics.md 2.6, 1.6)."""
    run = bare(platform, "touch_unaccepted", "case_read")
    assign = run.only("assign")
    assert (assign.gpa, assign.size) == (FRESH, UNIT)
    [refused] = [*run.of("fault"), *run.of("stop")]
    assert assign.seq < refused.seq
