# SPDX-License-Identifier: GPL-2.0-only
"""I6: vCPUs take no turns in a unit, and wait for each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.verdict import Status
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Attack, ConvertTo, Kind, Stage
from tests.analysis.invariants.guests import (
    accept_pages,
    at,
    ended,
    finished,
    replay,
    request,
    titles,
)
from tests.analysis.synthetic import BLOCK, MIB, SNP_SIZE_MISMATCH, Guest, Layout


def test_turns_of_two_vcpus_in_a_unit_are_one_finding_however_often(tmp_path: Path) -> None:
    guest = Guest(backing="4K")
    guest.boot()
    turns = [number // 20 % 2 for number in range(100)] + [1] * 412
    accept_pages(guest, at(guest, 40 * MIB), turns, cuts=(60, 80))
    (finding,) = [
        one for one in replay(finished(guest), tmp_path).findings if one.invariant == "I6"
    ]
    assert finding.total == 1


def test_a_unit_may_pass_once_from_one_vcpu_to_the_next(tmp_path: Path) -> None:
    guest = Guest(backing="4K")
    guest.boot()
    accept_pages(guest, at(guest, 40 * MIB), [0] * 101 + [1] * 411)
    assert titles(finished(guest), tmp_path) == []


def in_turns(
    guest: Guest,
    refused: dict[int, dict[str, int]],
    last: int = 512,
    cuts: tuple[int, ...] = (),
) -> Guest:
    """vCPU 0 accepts a unit page by page; vCPU 1 has an accept in it refused before page N, with the answer ``refused[N]``.

    Before the pages ``cuts`` there is a snapshot, so that a step of the walk ends there.
    """
    unit = at(guest, 40 * MIB)
    guest.event(Kind.CONVERT, unit, UNIT_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, unit, UNIT_SIZE)
    guest._set(unit, UNIT_SIZE, 1)
    for number, page in enumerate(range(unit, unit + UNIT_SIZE, PAGE_SIZE)):
        if number in cuts:
            guest.snapshot("between")
        if number in refused:
            size = refused[number].get("size", PAGE_SIZE)
            answer = {name: value for name, value in refused[number].items() if name != "size"}
            guest.event(Kind.ACCEPT, unit, size, vcpu=1, **answer)
        if number < last:
            guest.accept_block(page, PAGE_SIZE, vcpu=0)
    guest.bits[40 * MIB // UNIT_SIZE] = last < 512
    return guest


CARRY = {"carry": 1}
MISMATCH = {"result": SNP_SIZE_MISMATCH, "carry": 0, "size": UNIT_SIZE}


@pytest.mark.parametrize("cuts", [(), (50,), (100,), (101,), (50, 100, 101)])
@pytest.mark.parametrize("answer", [CARRY, MISMATCH])
def test_a_refused_accept_in_a_unit_that_another_goes_on_with_counts(
    answer: dict[str, int], cuts: tuple[int, ...], tmp_path: Path
) -> None:
    guest = Guest()
    guest.boot()
    in_turns(guest, {100: answer}, cuts=cuts)
    found = [one for one in replay(finished(guest), tmp_path).findings if one.invariant == "I6"]
    (finding,) = found
    assert finding.total == 1 and finding.evidence["vcpus"] == [0, 1]
    assert "vCPU 0 and vCPU 1 took turns" in finding.explanation


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ({0: MISMATCH}, "nobody had begun"),
        ({511: {"result": 1, "carry": 0}}, "the arguments were wrong"),
    ],
)
def test_a_refused_accept_that_no_vcpu_caused_does_not_count(
    refused: dict[int, dict[str, int]], why: str, tmp_path: Path
) -> None:
    guest = Guest()
    guest.boot()
    in_turns(guest, refused)
    found = replay(finished(guest), tmp_path).findings
    assert not [one for one in found if one.invariant == "I6"], why


def test_a_refused_accept_in_a_finished_unit_is_no_collision(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    in_turns(guest, {})
    for vcpu in (1, 0, 1):
        guest.event(Kind.ACCEPT, at(guest, 40 * MIB), PAGE_SIZE, carry=1, vcpu=vcpu)
    found = {one.invariant for one in replay(finished(guest), tmp_path).findings}
    assert found == {"I7"}


@pytest.mark.parametrize(
    ("outcome", "later", "found"),
    [("panic", 0, True), ("userspace", 0, False), ("panic", 1 << 30, False)],
)
def test_the_refused_accept_that_a_guest_dies_of_counts(
    outcome: str, later: int, found: bool, tmp_path: Path
) -> None:
    guest = Guest()
    guest.boot()
    in_turns(guest, {}, last=100)
    guest.clock += later
    guest.event(Kind.ACCEPT, at(guest, 40 * MIB), PAGE_SIZE, carry=1, vcpu=1)
    guest.end()
    told = replay(guest, tmp_path, outcome=outcome).findings
    mine = [one for one in told if one.invariant == "I6"]
    assert bool(mine) == found
    if mine:
        assert "vCPU 1 entered this unit while vCPU 0 had not finished it" in mine[0].explanation


@pytest.mark.parametrize(("attack", "found"), [(False, True), (True, False)])
def test_an_injected_busy_is_the_hosts_and_no_collision(
    attack: bool, found: bool, tmp_path: Path
) -> None:
    guest = Guest(platform="tdx")
    guest.boot()
    if attack:
        guest.event(Kind.ATTACK, 0, 0, detail=Attack.BUSY)
    in_turns(guest, {100: {"result": 0x80000200 << 32}})
    told = [one.invariant for one in replay(finished(guest), tmp_path).findings]
    assert ("I6" in told) == found


def test_a_single_accepting_vcpu_is_not_applicable(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.accept_memory(at(guest, 16 * MIB), BLOCK)
    guest.stage(Stage.USERSPACE)
    guest.end()
    (result,) = [one for one in replay(guest, tmp_path).invariants if one.name == "I6"]
    assert result.status == Status.NOT_APPLICABLE
    assert "only vCPU 0 did" in result.explanation


def waiting(returns: bool) -> Guest:
    """vCPU 1 request for what vCPU 0 is accepting, and waits."""
    guest = Guest(probes=("accept_memory",))
    guest.boot()
    start = at(guest, 40 * MIB)
    request(guest, start, BLOCK)
    request(guest, start, BLOCK, vcpu=1)
    for unit in range(start, start + BLOCK + UNIT_SIZE, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    guest.bits[20:23] = False
    guest.clock += 5000
    if returns:
        request(guest, 0, 0, Kind.PROBE_RETURN)
        request(guest, 0, 0, Kind.PROBE_RETURN, vcpu=1)
    guest.meminfo("end")
    guest.end()
    return guest


def test_the_longest_wait_names_both_vcpus(tmp_path: Path) -> None:
    (result,) = [one for one in replay(waiting(True), tmp_path).invariants if one.name == "I6"]
    assert result.status == Status.HOLDS
    waited = int(re.findall(r"vCPU 1 waited ([0-9,]+) instructions for vCPU 0", result.explanation)[0].replace(",", ""))  # fmt: skip
    assert 5000 < waited < 5200


def test_a_guest_that_ended_in_a_wait_names_the_wait_as_cause(tmp_path: Path) -> None:
    told = replay(waiting(False), tmp_path, outcome="timeout").cause
    (line,) = [one for one in told if "waits in accept_memory()" in one]
    assert line.startswith("vCPU 1 waits") and line.endswith(
        "for vCPU 0, which has not returned either"
    )


def test_a_wait_for_no_other_vcpu_is_named(tmp_path: Path) -> None:
    guest = Guest(probes=("accept_memory",))
    guest.boot()
    request(guest, at(guest, 52 * MIB), BLOCK, vcpu=1)
    guest.event(Kind.PROBE_RETURN, 0, 2_000_000, detail=0, vcpu=1)
    (result,) = [one for one in replay(finished(guest), tmp_path).invariants if one.name == "I6"]
    assert "vCPU 1 waited 2,000,000 instructions for no other vCPU" in result.explanation


def test_vcpus_that_accept_nothing_are_not_applicable(tmp_path: Path) -> None:
    guest = Guest(layout=Layout(32 * MIB, 32 * MIB))
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.stage(Stage.USERSPACE)
    status = {one.name: one.status.value for one in replay(ended(guest), tmp_path).invariants}
    assert status["I6"] == "not applicable"
