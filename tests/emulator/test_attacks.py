# SPDX-License-Identifier: GPL-2.0-only
"""A hostile host: what its acts do to a guest that uses, and naively accepts again, what it had accepted."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE, SHARED_BIT
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

AT = FRESH + 11 * PAGE
BUSY = 0x8000020000000001
ALREADY = 0xB0A << 32


def attacked(bare: Boot, platform: str, *acts: str, properties: tuple[str, ...] = ()) -> BareRun:
    """Boot the guest while the acts happen as soon as its page is accepted."""
    lines = tuple(f"accepted {act} {AT:#x}" for act in acts)
    setup = Setup(attacks=lines, properties=properties)
    return bare(platform, "attacks", "case_use_and_accept_again", setup)


@pytest.mark.parametrize(("act", "number"), [("remap", 1), ("reassign", 4)])
def test_snp_replaced_page_is_noticed_by_vc_404(bare: Boot, act: str, number: int) -> None:
    run = attacked(bare, "snp", act)
    done = run.only("attack")
    assert (done.gpa, done.size, done.detail) == (AT, PAGE, number)
    fault = run.only("fault")
    assert (fault.gpa, fault.rip, fault.platform) == (AT, run.at("at_read8"), 0x404)
    assert run.value("again") == 0, "CF says nothing of the replacement (APM 15.36.6)"


def test_snp_page_that_comes_back_is_valid_as_it_was(bare: Boot) -> None:
    run = attacked(bare, "snp", "remap", "remap-back")
    assert [event.detail for event in run.of("attack")] == [1, 2]
    assert run.of("fault") == []
    assert run.value("again") == 255, "CF was set"


def test_snp_page_taken_for_good_stops(bare: Boot) -> None:
    run = attacked(bare, "snp", "unassign")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.reason) == (AT, run.at("at_read8"), "not-assigned")


def test_snp_failed_page_state_change_leaves_the_page_private(bare: Boot) -> None:
    """The guest's GHCB is not shared then, and its first use ends the guest."""
    setup = Setup(attacks=("decompressor psc-error 1",))
    run = bare("snp", "attacks", "case_use_and_accept_again", setup)
    assert run.only("attack").detail == 11
    failed = run.only("convert")
    assert failed.result == 0x100 << 32
    stop = run.only("stop")
    assert (stop.gpa & ~(PAGE - 1), stop.reason) == (failed.gpa, "shared-access")


@pytest.mark.parametrize(
    ("act", "number", "reason"),
    [("remove-aug", 6, "pending"), ("remove", 7, "blocked"), ("block", 8, "blocked")],
)
def test_td_whose_page_was_taken_is_stopped(bare: Boot, act: str, number: int, reason: str) -> None:
    run = attacked(bare, "tdx", act)
    assert run.only("attack").detail == number
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.reason) == (AT, run.at("at_read8"), reason)
    assert run.values("read") == [], "the guest saw something of the page"


def test_td_with_ve_is_told_and_may_accept_again(bare: Boot) -> None:
    """Why SEPT_VE_DISABLE has to be set: the gap lets a host swap pages under the guest's #VE handler."""
    run = attacked(bare, "tdx", "remove-aug", properties=("pending-ve=on",))
    assert run.only("fault").gpa == AT
    assert (run.value("again"), run.value("read-again")) == (0, 0)


def test_act_waits_for_its_page(bare: Boot, platform: str) -> None:
    """The guest never accepts that page, so that nothing happens."""
    act = "reassign" if platform == "snp" else "remove-aug"
    setup = Setup(attacks=(f"accepted {act} {AT + PAGE:#x}",))
    run = bare(platform, "attacks", "case_use_and_accept_again", setup)
    assert run.of("attack") == []
    assert run.value("read") == 0


def test_td_accept_answers_busy(bare: Boot) -> None:
    run = bare("tdx", "attacks", "case_accept_until_done", Setup(attacks=("decompressor busy 2",)))
    assert run.values("status") == [BUSY, BUSY, 0]
    assert [event.result for event in run.of("accept")] == [BUSY, BUSY, 0]


def test_td_map_gpa_answers_retry_with_no_progress(bare: Boot) -> None:
    run = bare("tdx", "attacks", "case_convert", Setup(attacks=("decompressor retry 2",)))
    answers = [(line["status"], line["r11"]) for line in run.said("status")]
    assert answers[:2] == [(1, AT | 1 << SHARED_BIT)] * 2
    assert answers[2][0] == 0
    assert len(answers) == 3


@pytest.mark.parametrize(("acts", "status"), [((), 0), (("decompressor keep {:#x}",), ALREADY)])
def test_td_page_that_was_kept_while_it_was_shared_is_accepted_already(
    bare: Boot, acts: tuple[str, ...], status: int
) -> None:
    setup = Setup(attacks=tuple(act.format(AT) for act in acts))
    run = bare("tdx", "attacks", "case_share_and_take_back", setup)
    assert (run.value("shared"), run.value("private"), run.value("again")) == (0, 0, status)
    assert [(event.gpa, event.detail) for event in run.of("attack")] == [(AT, 13)] * len(acts)
    assert len([event for event in run.of("remove") if event.gpa == AT]) == 1 - len(acts)


def took_place(run: BareRun) -> list[tuple[str, int]]:
    """Return the acts of the report and how often each took place."""
    assert run.report is not None
    return [(act["text"], act["took_place"]) for act in run.report["attacks"]]


@pytest.mark.parametrize(
    ("platform", "act"),
    [
        *(("snp", act) for act in ("remap", "reassign", "unassign")),
        *(("tdx", act) for act in ("remove-aug", "remove", "block")),
    ],
)
def test_act_on_a_page_is_reported_with_how_often_it_took_place(
    bare: Boot, platform: str, act: str
) -> None:
    """Once, though the guest accepts its page twice; the other page it never accepts."""
    acts = (f"accepted {act} {AT:#x}", f"accepted {act} {AT + PAGE:#x}", f"userspace {act} {AT:#x}")
    run = bare(platform, "attacks", "case_use_and_accept_again", Setup(attacks=acts))
    assert took_place(run) == list(zip(acts, (1, 0, 0), strict=True))


def test_act_that_cannot_be_done_did_not_take_place(bare: Boot) -> None:
    """Nothing was put in the page's place before."""
    act = f"accepted remap-back {AT:#x}"
    run = bare("snp", "attacks", "case_use_and_accept_again", Setup(attacks=(act,)))
    assert took_place(run) == [(act, 0)]
    assert run.of("attack") == []


@pytest.mark.parametrize(
    ("platform", "case", "acts", "times"),
    [
        ("tdx", "accept_until_done", ("decompressor busy 2",), (2,)),
        ("tdx", "convert", ("decompressor retry 2", "decompressor busy 9"), (2, 0)),
        ("tdx", "convert", ("userspace retry 2",), (0,)),
        # the second one takes the place of the first
        ("tdx", "accept_until_done", ("decompressor busy 9", "decompressor busy 2"), (0, 2)),
        ("snp", "use_and_accept_again", ("decompressor psc-error 1",), (1,)),
        ("snp", "use_and_accept_again", ("userspace psc-rewind 1",), (0,)),
    ],
)
def test_act_on_calls_is_reported_with_the_calls_that_it_disturbed(
    bare: Boot, platform: str, case: str, acts: tuple[str, ...], times: tuple[int, ...]
) -> None:
    run = bare(platform, "attacks", f"case_{case}", Setup(attacks=acts))
    assert took_place(run) == list(zip(acts, times, strict=True))


def test_page_that_was_kept_is_reported_once_it_was(bare: Boot) -> None:
    act = f"decompressor keep {AT:#x}"
    kept = bare("tdx", "attacks", "case_share_and_take_back", Setup(attacks=(act,)))
    assert took_place(kept) == [(act, 1)]
    never_shared = bare("tdx", "attacks", "case_accept_until_done", Setup(attacks=(act,)))
    assert took_place(never_shared) == [(act, 0)]


def test_an_honest_host_has_no_acts_in_its_report(bare: Boot) -> None:
    report = bare("snp", "attacks", "case_use_and_accept_again").report
    assert report is not None
    assert "attacks" not in report


@pytest.mark.parametrize(("platform", "act"), [("snp", "busy"), ("tdx", "remap")])
def test_act_of_the_other_platform_ends_the_emulator(bare: Boot, platform: str, act: str) -> None:
    setup = Setup(attacks=(f"accepted {act} {AT:#x}",))
    run = bare(platform, "attacks", "case_use_and_accept_again", setup)
    assert (run.exit_code, run.events) == (1, [])
    assert f"an act of {platform}" in run.log
