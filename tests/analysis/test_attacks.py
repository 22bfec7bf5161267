# SPDX-License-Identifier: GPL-2.0-only
"""Whose fault it is when the host attacks: noticed, harmless or not noticed; and attacks that did not take place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Attack, Kind, StopReason
from tests.analysis.synthetic import MIB, TDX_ALREADY, Guest

PANIC = "[  3.1] Kernel panic - not syncing: Unaccepted memory at 0x3000000"


def attacked(platform: str, act: Attack) -> tuple[Guest, int]:
    """A guest after its boot, a page of which the host has just attacked."""
    guest = Guest(platform=platform)
    guest.boot()
    page = guest.layout.low + 16 * MIB
    guest.event(Kind.ATTACK, page, PAGE_SIZE, detail=act)
    if act in (Attack.REMAP, Attack.REASSIGN, Attack.REMOVE_AUG):
        guest._set(page, PAGE_SIZE, 1)
    elif act in (Attack.UNASSIGN, Attack.REMOVE):
        guest._set(page, PAGE_SIZE, 0)
    return guest, page


def judged(guest: Guest, folder: Path, **changes: Any) -> Verdict:
    guest.end()
    return replay_run(guest.write(folder / "run", **changes))


ENDED = {"outcome": "panic", "reason": "Unaccepted memory"}


@pytest.mark.parametrize(
    ("platform", "act", "kind", "result", "how"),
    [
        ("snp", Attack.REMAP, Kind.FAULT, 0, "a fault (#VC 0x404)"),
        ("snp", Attack.REASSIGN, Kind.FAULT, 0, "a fault (#VC 0x404)"),
        ("snp", Attack.UNASSIGN, Kind.STOP, StopReason.NOT_ASSIGNED, "a fatal exit (not-assigned)"),
        ("tdx", Attack.REMOVE_AUG, Kind.FAULT, 0, "a fault (#VE)"),
        ("tdx", Attack.REMOVE_AUG, Kind.STOP, StopReason.PENDING, "a fatal exit (pending)"),
        ("tdx", Attack.BLOCK, Kind.STOP, StopReason.BLOCKED, "a fatal exit (blocked)"),
    ],
)
def test_a_guest_that_notices_and_ends_is_clean(
    platform: str, act: Attack, kind: Kind, result: int, how: str, tmp_path: Path
) -> None:
    guest, page = attacked(platform, act)
    guest.event(kind, page + 8, 1, result=result, detail=0x101)
    guest.console.append(PANIC)
    verdict = judged(guest, tmp_path, **ENDED)
    assert (verdict.verdict, verdict.findings, verdict.reasons) == ("clean", [], [])
    (line,) = verdict.host
    assert line.endswith(f"at {page:#x}): noticed by {how}.") and line in verdict.headline
    assert "broken" not in {one.status.value for one in verdict.invariants}


def test_trouble_that_no_attack_explains_stays_a_finding(tmp_path: Path) -> None:
    guest, page = attacked("snp", Attack.REMAP)
    guest.event(Kind.FAULT, page, 1, detail=0x101)
    guest.console.append("watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [swapper/0:1]")
    assert [one.invariant for one in judged(guest, tmp_path, **ENDED).findings] == ["guest"]


@pytest.mark.parametrize("where", ["another page", "before", "put back", "shared"])
def test_an_access_that_no_attack_explains_stays_a_finding(where: str, tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    page = guest.layout.low + 16 * MIB
    at = page + PAGE_SIZE if where == "another page" else page
    attack = (Kind.ATTACK, page, PAGE_SIZE)
    if where == "before":
        guest.event(Kind.FAULT, at, 1, detail=0x101)
        guest.event(*attack, detail=Attack.REMAP)
        guest._set(page, PAGE_SIZE, 1)
    else:
        guest.event(*attack, detail=Attack.REMAP)
        if where == "put back":
            guest.event(*attack, detail=Attack.REMAP_BACK)
        else:
            guest._set(page, PAGE_SIZE, 1)
        if where == "shared":
            guest.event(Kind.STOP, at, 1, result=StopReason.SHARED_ACCESS, detail=0x001)
        else:
            guest.event(Kind.FAULT, at, 1, detail=0x101)
    assert "I1" in {one.invariant for one in judged(guest, tmp_path, **ENDED).findings}


def test_a_page_accepted_again_is_an_attack_that_was_not_noticed(tmp_path: Path) -> None:
    guest, page = attacked("snp", Attack.REMAP)
    guest.event(Kind.FAULT, page, 1, detail=0x101)
    guest.accept_block(page, PAGE_SIZE)
    verdict = judged(guest, tmp_path)
    assert [one.invariant for one in verdict.findings] == ["I2"]
    assert verdict.host[0].endswith("not noticed; the guest accepted the page again.")


def test_a_page_that_nobody_uses_again_is_harmless(tmp_path: Path) -> None:
    guest, _ = attacked("snp", Attack.REMAP)
    verdict = judged(guest, tmp_path)
    assert verdict.verdict == "clean"
    assert verdict.host[0].endswith("harmless; the guest ran to completion.")


def test_a_refusal_is_noticed_by_a_guest_that_ends(tmp_path: Path) -> None:
    for name, changes, findings in (("ends", ENDED, []), ("goes-on", {}, ["I7"])):
        guest, page = attacked("tdx", Attack.KEEP)
        guest.event(Kind.ACCEPT, page & -UNIT_SIZE, UNIT_SIZE, result=TDX_ALREADY | 1)
        verdict = judged(guest, tmp_path / name, **changes)
        assert [one.invariant for one in verdict.findings] == findings


def test_a_page_that_the_host_withholds_is_no_missing_conversion(tmp_path: Path) -> None:
    guest, page = attacked("snp", Attack.UNASSIGN)
    guest.event(Kind.STOP, page, 1, result=StopReason.NOT_ASSIGNED, detail=0x104)
    assert judged(guest, tmp_path, outcome="stopped").findings == []


def test_a_guest_that_ends_for_no_known_reason_is_not_clean(tmp_path: Path) -> None:
    guest, _ = attacked("snp", Attack.REMAP)
    verdict = judged(guest, tmp_path, outcome="timeout")
    assert verdict.verdict == "undecided"
    assert verdict.host[0].endswith("not known whether the guest noticed.")


@pytest.mark.parametrize(
    ("done", "undecided"),
    [
        ([{"text": "accepted remap 0x140000000", "took_place": 0}], True),
        ([{"text": "accepted remap 0x140000000", "took_place": 1}], False),
        (None, True),
    ],
)
def test_an_attack_that_did_not_take_place_leaves_the_run_undecided(
    done: list[Any] | None, undecided: bool, tmp_path: Path
) -> None:
    guest = Guest()
    guest.boot()
    guest.work()
    text = "accepted remap 0x140000000"
    other = {} if done is None else {"attacks_done": done}
    verdict = judged(guest, tmp_path, attacks=(text,), other=other)
    assert verdict.verdict == ("undecided" if undecided else "clean")
    assert [text in one and "did not take place" in one for one in verdict.reasons] == [
        True
    ] * undecided
