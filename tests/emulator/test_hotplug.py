# SPDX-License-Identifier: GPL-2.0-only
"""Memory that the host adds and removes while a guest runs, by an honest host and by hostile ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import Attack
from tests.emulator.bare_handoff import HOLE, PAGE, UNIT
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot
from tests.emulator.verdicts import judge

SLOT = (f"slot {HOLE:#x} {UNIT:#x}",)
AT = HOLE + 3 * PAGE
ADD = "decompressor add 0"
LATER = "+3000000"
"""ns: long after the guest has ejected the memory."""
SWAPPING = ("decompressor swap 0", ADD, f"{LATER} add 0")
ALREADY = 0xB0A << 32 | 1
DEVICE_CHECK, EJECT_REQUEST = 1, 3


def plugged(
    bare: Boot, platform: str, case: str, *lines: str, properties: tuple[str, ...] = ()
) -> BareRun:
    """Boot a case of the guest with one slot for memory, at HOLE."""
    setup = Setup(hotplug=lines, handoff=SLOT, properties=properties)
    return bare(platform, "hotplug", f"case_{case}", setup)


def test_added_memory_is_ram_once_it_is_accepted(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "accept_and_use", ADD)
    plug = run.only("plug")
    assert (plug.gpa, plug.size) == (HOLE, UNIT)
    assert (run.value("present"), run.value("accept"), run.value("read")) == (1, 0, 0x5A)
    accepted = [event for event in run.of("accept") if event.gpa == HOLE]
    assert accepted
    assert plug.seq < accepted[0].seq
    assert (run.value("notify"), run.value("notify-again")) == (DEVICE_CHECK, 0)


def test_without_a_step_the_slot_is_no_ram(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "use_unaccepted")
    assert run.value("present") == 0
    assert run.only("stop").reason == "not-ram"


def test_added_memory_that_is_used_unaccepted_is_refused(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "use_unaccepted", ADD)
    if platform == "snp":
        assert (run.only("fault").gpa, run.only("fault").platform) == (AT, 0x404)
    else:
        assert (run.only("stop").gpa, run.only("stop").reason) == (AT, "pending")


def test_host_that_assigns_in_advance_does_so_at_the_plug(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "accept_and_use", ADD, properties=("host-assign=advance",))
    assigned = [event for event in run.of("assign") if event.gpa == HOLE]
    assert [event.size for event in assigned] == [UNIT]
    assert assigned[0].seq == run.only("plug").seq + 1


def test_ejected_memory_is_no_ram(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "use_after_eject", ADD)
    unplug = run.only("unplug")
    assert (unplug.gpa, unplug.size, run.value("after-eject")) == (HOLE, UNIT, 0)
    removed = [event for event in run.of("remove") if event.gpa >= HOLE]
    assert removed == [], "the unplug stands for them"
    stop = run.only("stop")
    assert (stop.gpa, stop.reason) == (AT, "not-ram")
    assert run.report is not None
    assert run.report["page_state"].startswith("not RAM")


def test_memory_that_is_added_again_is_new(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "eject_and_accept_again", ADD, f"{LATER} add 0")
    assert [event.gpa for event in run.of("plug")] == [HOLE, HOLE]
    assert run.value("again") == 0
    assert run.value("read-again") == 0, "the guest saw what it had written before"
    assert run.of("attack") == []


def test_accepted_bytes_go_and_come_with_the_memory(bare: Boot, platform: str) -> None:
    kept, gone = (
        plugged(bare, platform, case, ADD) for case in ("accept_and_use", "use_after_eject")
    )
    assert kept.report is not None
    assert gone.report is not None
    assert kept.report["accepted_bytes"] - gone.report["accepted_bytes"] == UNIT


def test_host_that_keeps_the_pages_gives_them_back(bare: Boot, platform: str) -> None:
    run = plugged(
        bare, platform, "eject_and_accept_again", "decompressor keep 0", ADD, f"{LATER} add 0"
    )
    attack = run.only("attack")
    assert (attack.gpa, attack.size, attack.detail) == (HOLE, UNIT, Attack.KEEP)
    assert attack.seq == run.of("plug")[1].seq + 1
    assert run.value("again") == (255 if platform == "snp" else ALREADY)
    assert run.value("read-again") == 0x5A


def test_pages_that_were_given_back_first_are_not_kept(bare: Boot, platform: str) -> None:
    module = ("module=2.0",) if platform == "tdx" else ()
    steps = ("decompressor keep 0", ADD, f"{LATER} add 0")
    case = "give_back_eject_and_accept_again"
    run = plugged(bare, platform, case, *steps, properties=module)
    assert run.value("back") == 0
    assert run.of("attack") == [], "the pages are the guest's to accept"
    assert (run.value("again"), run.value("after-eject")) == (0, 0)


def test_host_that_ignores_an_eject_leaves_the_memory(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "use_after_eject", "decompressor ignore 0", ADD)
    attack = run.only("attack")
    assert (attack.gpa, attack.size, attack.detail) == (HOLE, UNIT, Attack.IGNORE_UNPLUG)
    assert run.of("unplug") == []
    assert (run.value("after-eject"), run.value("read-again")) == (1, 0x5A)


def test_host_that_gives_another_page_puts_the_first_one_back(bare: Boot, platform: str) -> None:
    """The guest did not give its page back, and accepted another one: an SNP guest reads the first one then."""
    run = plugged(bare, platform, "eject_and_accept_page_again", *SWAPPING)
    acts = [(one.gpa, one.size, one.detail) for one in run.of("attack")]
    assert run.value("again") == 0
    assert run.report is not None
    assert [one["took_place"] for one in run.report["hotplug"]] == [True, True, True]
    if platform == "snp":
        kept, given, back = Attack.KEEP, Attack.REMAP, Attack.REMAP_BACK
        assert acts == [(HOLE, PAGE, kept), (HOLE, PAGE, given), (HOLE, PAGE, back)]
        assert run.value("read-again") == 0x5A
    else:
        assert acts == [(HOLE, PAGE, Attack.REMOVE_AUG)]
        assert (run.only("stop").gpa, run.only("stop").reason) == (HOLE, "pending")


def test_guest_that_gave_its_page_back_notices_another_one(bare: Boot, platform: str) -> None:
    module = ("module=2.0",) if platform == "tdx" else ()
    case = "give_back_and_accept_page_again"
    run = plugged(bare, platform, case, *SWAPPING, properties=module)
    assert (run.value("back"), run.value("again")) == (0, 0)
    if platform == "snp":
        assert (run.only("fault").gpa, run.only("fault").platform) == (HOLE, 0x404)
    else:
        assert run.only("stop").reason == "pending"


def test_page_that_went_back_to_the_host_is_replaced(bare: Boot, platform: str) -> None:
    """The host has no page of the guest's to put back: it gives a new one once more."""
    run = plugged(bare, platform, "share_and_accept_page_again", *SWAPPING)
    act = Attack.REASSIGN if platform == "snp" else Attack.REMOVE_AUG
    assert [(one.gpa, one.size, one.detail) for one in run.of("attack")] == [(HOLE, PAGE, act)]
    if platform == "snp":
        assert (run.only("fault").gpa, run.only("fault").platform) == (HOLE, 0x404)
    else:
        assert run.only("stop").reason == "pending"


def test_another_page_that_was_not_accepted_did_not_take_place(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "use_after_eject", *SWAPPING[:2])
    assert run.report is not None
    assert [one["took_place"] for one in run.report["hotplug"]] == [False, True]


def test_request_to_give_memory_up_reaches_the_guest(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "request", ADD, f"{LATER} remove 0")
    assert (run.value("notify"), run.value("after-eject")) == (EJECT_REQUEST, 0)
    assert run.report is not None
    assert [(one["text"], one["took_place"]) for one in run.report["hotplug"]] == [
        (ADD, True),
        (f"{LATER} remove 0", True),
    ]


def test_step_without_memory_to_act_on_did_not_take_place(bare: Boot, platform: str) -> None:
    run = plugged(bare, platform, "request", ADD, f"{LATER} add 0", f"{LATER} remove 0")
    assert run.report is not None
    assert [one["took_place"] for one in run.report["hotplug"]] == [True, False, True]
    assert len(run.of("plug")) == 1


NEVER = "accessed hot-added memory that nobody accepted"
REMOVED = "accessed memory that was removed"
AGAIN = "accepted a page again after its memory was removed and added again"
REPLACED = "accepted a page again after the host replaced it"
ALREADY_ACCEPTED = "accepted a page that was already accepted"
REPLUG = (ADD, f"{LATER} add 0")
KEEPING = ("decompressor keep 0", *REPLUG)


@pytest.mark.parametrize(
    ("case", "steps", "snp", "tdx"),
    [
        ("accept_and_use", (ADD,), [], []),
        ("use_unaccepted", (ADD,), [NEVER], [NEVER]),
        ("use_after_eject", (ADD,), [REMOVED], [REMOVED]),
        ("eject_and_accept_again", REPLUG, [AGAIN], []),
        ("give_back_eject_and_accept_again", REPLUG, [], []),
        ("eject_and_accept_again", KEEPING, [ALREADY_ACCEPTED], [ALREADY_ACCEPTED]),
        ("give_back_eject_and_accept_again", KEEPING, [], []),
        ("eject_and_accept_page_again", REPLUG, [AGAIN], []),
        ("eject_and_accept_page_again", SWAPPING, [REPLACED], []),
        ("give_back_and_accept_page_again", SWAPPING, [], []),
        ("share_and_accept_page_again", SWAPPING, [], []),
    ],
)
def test_verdict(
    bare: Boot, platform: str, tmp_path: Path, case: str, steps: tuple[str, ...],
    snp: list[str], tdx: list[str],
) -> None:  # fmt: skip
    module = ("module=2.0",) if platform == "tdx" else ()
    verdict = judge(plugged(bare, platform, case, *steps, properties=module), tmp_path)
    expected = snp if platform == "snp" else tdx
    assert [one.title for one in verdict.findings if one.invariant != "guest"] == expected


@pytest.mark.parametrize(
    "line",
    [
        "userspace add",
        "noon add 0",
        "userspace burn 0",
        "userspace add 99",
        "userspace add x",
        "+5 add 0",
    ],
)
def test_line_that_cannot_be_used_is_named(bare: Boot, line: str) -> None:
    run = plugged(bare, "tdx", "accept_and_use", line)
    assert run.exit_code == 1
    assert f"cannot use '{line}'" in run.log


def test_slot_that_the_handoff_lacks_is_named(bare: Boot) -> None:
    run = plugged(bare, "tdx", "accept_and_use", "decompressor add 1")
    assert run.exit_code == 1
    assert "hotplug: 'decompressor add 1': the handoff has 1 slots" in run.log
