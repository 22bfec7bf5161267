# SPDX-License-Identifier: GPL-2.0-only
"""Memory that comes and goes while the guest runs: it is judged as RAM from its plug to its unplug."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.explain.life import life_of
from acceptlab.analysis.kernel.symbols import NO_SYMBOLS
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import (
    PAGE_SIZE,
    UNIT_SIZE,
    Access,
    Attack,
    Kind,
    StopReason,
)
from tests.analysis.invariants.guests import after_boot, finished, replay, titles
from tests.analysis.synthetic import MIB, Guest

SLOT = 128 * MIB
"""Above the guest's RAM, with a gap between."""
SIZE = 16 * MIB
AT = SLOT + 3 * UNIT_SIZE
PLATFORMS = ("snp", "tdx")
NEVER = "accessed hot-added memory that nobody accepted"
AGAIN = "accepted a page again after its memory was removed and added again"
PENDING = 48 << 32 | 0x101


def plugged(platform: str = "snp", **options: Any) -> Guest:
    guest = after_boot(platform=platform, **options)
    guest.plug(SLOT, SIZE)
    return guest


def accept(guest: Guest, gpa: int = AT) -> None:
    guest.event(Kind.ASSIGN, gpa, UNIT_SIZE)
    guest.accept_block(gpa, UNIT_SIZE)


def refused(guest: Guest, gpa: int = AT) -> None:
    """The platform refuses a private write to a page that is not accepted, and the guest dies of it."""
    guest.event(Kind.ASSIGN, gpa, UNIT_SIZE)
    guest._set(gpa, UNIT_SIZE, 1)
    if guest.platform == "snp":
        guest.event(Kind.FAULT, gpa, 1, detail=0x404 << 32 | 0x101)
    else:
        guest.event(Kind.STOP, gpa, 1, result=StopReason.PENDING, detail=PENDING)


def stopped(guest: Guest, gpa: int, access: Access = Access.WRITE) -> None:
    detail = PENDING & ~0xFF | access
    guest.event(Kind.STOP, gpa, 1, result=StopReason.NOT_RAM, detail=detail)


@pytest.mark.parametrize("backing", ["2M", "4K"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_accepted_before_it_is_used(tmp_path: Path, platform: str, backing: str) -> None:
    guest = plugged(platform, backing=backing)
    guest.accept_unit(AT)
    verdict = replay(finished(guest), tmp_path)
    assert (verdict.verdict, verdict.findings) == ("clean", [])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_added_and_not_used(tmp_path: Path, platform: str) -> None:
    """Nor is it in the bitmap or in the counter of unaccepted memory."""
    assert replay(finished(plugged(platform)), tmp_path).verdict == "clean"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nobody_accepted_it(tmp_path: Path, platform: str) -> None:
    guest = plugged(platform)
    refused(guest)
    verdict = replay(finished(guest), tmp_path)
    assert [(one.invariant, one.title) for one in verdict.findings] == [("I1", NEVER)]
    plug = next(row[0] for row in guest.rows if row[9] == Kind.PLUG)
    assert f"(event {plug})" in verdict.findings[0].explanation


def test_a_page_of_the_first_ram_is_not_hot_added(tmp_path: Path) -> None:
    guest = plugged()
    refused(guest, guest.layout.low + 56 * MIB)
    assert titles(finished(guest), tmp_path) == ["accessed a page it never accepted"]


def test_fault_that_the_guest_answers_by_accepting(tmp_path: Path) -> None:
    guest = plugged()
    refused(guest)
    guest.accept_block(AT, UNIT_SIZE)
    assert replay(finished(guest), tmp_path).verdict == "clean"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_accepted_before_the_removal_but_not_after_the_replug(
    tmp_path: Path, platform: str
) -> None:
    guest = plugged(platform)
    accept(guest)
    guest.unplug(SLOT, SIZE)
    guest.plug(SLOT, SIZE)
    refused(guest)
    verdict = replay(finished(guest), tmp_path)
    assert [one.title for one in verdict.findings] == [NEVER]
    assert "ran, again (event" in verdict.findings[0].explanation


def test_given_back_before_the_removal_and_accepted_after_the_replug(tmp_path: Path) -> None:
    guest = plugged()
    accept(guest)
    for page in range(AT, AT + UNIT_SIZE, PAGE_SIZE):
        guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0)
    guest.unplug(SLOT, SIZE)
    guest.plug(SLOT, SIZE)
    accept(guest)
    assert replay(finished(guest), tmp_path).verdict == "clean"


def replugged(platform: str) -> Guest:
    """A guest that accepts memory again which it did not give back before it gave it up."""
    guest = plugged(platform)
    accept(guest)
    guest.unplug(SLOT, SIZE)
    guest.plug(SLOT, SIZE)
    accept(guest)
    return finished(guest)


def test_not_given_back_and_accepted_again_snp(tmp_path: Path) -> None:
    verdict = replay(replugged("snp"), tmp_path)
    assert [(one.invariant, one.title) for one in verdict.findings] == [("I2", AGAIN)]


def test_a_td_need_not_give_back(tmp_path: Path) -> None:
    """Its module zeroes what is accepted, and lets no page be mapped twice (semantics.md 2.5)."""
    assert replay(replugged("tdx"), tmp_path).verdict == "clean"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_second_accept_of_added_memory(tmp_path: Path, platform: str) -> None:
    guest = plugged(platform)
    accept(guest)
    guest.accept_block(AT, UNIT_SIZE)
    assert titles(finished(guest), tmp_path) == ["accepted a page twice"]


@pytest.mark.parametrize("access", [Access.WRITE, Access.INSTRUCTION])
def test_used_after_it_was_removed(tmp_path: Path, access: Access) -> None:
    guest = plugged("tdx")
    accept(guest)
    guest.unplug(SLOT, SIZE)
    stopped(guest, AT, access)
    assert titles(finished(guest), tmp_path) == ["accessed memory that was removed"]


def test_accepted_and_given_back_is_not_hot_added(tmp_path: Path) -> None:
    guest = plugged()
    accept(guest)
    for page in range(AT, AT + UNIT_SIZE, PAGE_SIZE):
        guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0)
    guest._set(AT, UNIT_SIZE, 1)
    guest.event(Kind.FAULT, AT, 1, detail=0x404 << 32 | 0x101)
    assert titles(finished(guest), tmp_path) == ["accessed a page after rescinding or releasing it"]


def test_used_before_it_was_added(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    stopped(guest, AT)
    guest.plug(SLOT, SIZE)
    guest.unplug(SLOT, SIZE)
    assert titles(finished(guest), tmp_path) == ["private access to an address that is not RAM"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_pages_that_a_host_kept_are_accepted(tmp_path: Path, platform: str) -> None:
    """The guest notices: its accept changes nothing."""
    guest = plugged(platform)
    accept(guest)
    guest.unplug(SLOT, SIZE)
    guest.plug(SLOT, SIZE)
    guest.keep(AT, UNIT_SIZE)
    result, carry = (0, 1) if platform == "snp" else (0x00000B0A00000001, 0xFF)
    guest.event(Kind.ACCEPT, AT, UNIT_SIZE, result=result, carry=carry)
    verdict = replay(finished(guest), tmp_path, outcome="terminated", hotplug=("+5s remove-kept",))
    assert verdict.findings == []
    assert verdict.host == [f"Attack by the host (keep at {AT:#x}): noticed by a refused accept."]


def with_another_page(*, accepted: bool) -> Guest:
    """At the replug the host gives another page at AT, whose first one the guest had rescinded, and puts that back later.

    `accepted`: it gives the page only when the guest has accepted the new memory, where the first one is what it holds.
    """
    guest = plugged()
    guest.plug(SLOT + SIZE, SIZE)
    for given in (accepted, True):
        if given:
            guest.accept_block(AT, PAGE_SIZE)
        else:
            guest.event(Kind.ATTACK, AT, PAGE_SIZE, detail=Attack.REMAP)
            guest._set(AT, PAGE_SIZE, 1)
    if accepted:
        guest.event(Kind.ATTACK, AT, PAGE_SIZE, detail=Attack.REMAP)
    guest.event(Kind.ATTACK, AT, PAGE_SIZE, detail=Attack.REMAP_BACK)
    guest.event(Kind.FAULT, AT, 1, detail=0x404 << 32 | 0x101)
    return guest


def test_another_page_at_a_replug_is_noticed_when_the_first_one_is_back(tmp_path: Path) -> None:
    guest = with_another_page(accepted=False)
    guest._set(AT, PAGE_SIZE, 1)
    verdict = replay(finished(guest), tmp_path, outcome="panic")
    assert verdict.findings == []
    assert verdict.host[1] == (
        f"Attack by the host (remap-back at {AT:#x}): noticed by a fault (#VC 0x404)."
    )


def test_a_page_that_the_guest_holds_explains_no_fault_when_it_is_back(tmp_path: Path) -> None:
    guest = with_another_page(accepted=True)
    verdict = replay(finished(guest), tmp_path, outcome="panic")
    assert "I1" in {one.invariant for one in verdict.findings}


def test_unplug_that_a_host_ignores(tmp_path: Path) -> None:
    guest = plugged()
    accept(guest)
    guest.event(Kind.ATTACK, SLOT, SIZE, detail=Attack.IGNORE_UNPLUG, rip=0, caller=0)
    verdict = replay(finished(guest), tmp_path)
    assert verdict.findings == []
    assert verdict.host == [
        f"Attack by the host (ignore-unplug at {SLOT:#x}): harmless; the guest ran to completion."
    ]


def test_unplug_that_a_host_ignores_and_the_kernel_notices(tmp_path: Path) -> None:
    guest = plugged()
    guest.event(Kind.ATTACK, SLOT, SIZE, detail=Attack.IGNORE_UNPLUG, rip=0, caller=0)
    guest.console.append("[    6.204544] ACPI: \\_SB_.MEM0: Eject incomplete - status 0xf")
    assert replay(finished(guest), tmp_path).host == [
        f"Attack by the host (ignore-unplug at {SLOT:#x}): noticed by a message of the kernel (Eject incomplete)."
    ]


def test_a_guest_that_dies_later_was_not_refused_anything(tmp_path: Path) -> None:
    guest = plugged()
    guest.event(Kind.ATTACK, SLOT, SIZE, detail=Attack.IGNORE_UNPLUG, rip=0, caller=0)
    verdict = replay(finished(guest), tmp_path, outcome="panic")
    assert verdict.host == [
        f"Attack by the host (ignore-unplug at {SLOT:#x}): not known whether the guest noticed."
    ]


def test_step_that_was_not_taken(tmp_path: Path) -> None:
    steps = [
        {"text": "userspace add 0", "took_place": True},
        {"text": "+5 remove 0", "took_place": False},
    ]
    report = {"hotplug": steps}
    verdict = replay(finished(plugged()), tmp_path, report=report)
    assert verdict.verdict == "undecided"
    assert verdict.reasons == ["The step '+5 remove 0' of --hotplug did not take place."]


def test_life_of_a_page_that_came_and_went(tmp_path: Path) -> None:
    guest = plugged("tdx")
    accept(guest)
    guest.unplug(SLOT, SIZE)
    path = finished(guest).write(tmp_path / "run")
    life = life_of(Run.open(path), AT, NO_SYMBOLS)
    assert [one.event["kind"] for one in life.moments] == ["plug", "assign", "accept", "unplug"]
    assert [one.after for one in life.moments] == [
        "owned by host",
        "not accepted",
        "accepted",
        "no RAM",
    ]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_another_vcpu_accepts_it_after_the_replug(tmp_path: Path, platform: str) -> None:
    """Who accepted the unit before is of no account: I6 begins anew."""
    guest = plugged(platform, backing="4K")
    half = UNIT_SIZE // 2
    for vcpu in (0, 1, 0):
        for page in range(AT, AT + half, PAGE_SIZE):
            guest.event(Kind.ASSIGN, page, PAGE_SIZE, vcpu=vcpu)
            guest.accept_block(page, PAGE_SIZE, vcpu)
        for page in range(AT, AT + half, PAGE_SIZE) if platform == "snp" else ():
            guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0, vcpu=vcpu)
        guest.unplug(SLOT, SIZE)
        guest.plug(SLOT, SIZE)
    assert titles(finished(guest), tmp_path) == []
