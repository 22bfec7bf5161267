# SPDX-License-Identifier: GPL-2.0-only
"""I5: a unit behind what was requested is accepted, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Status
from acceptlab.analysis.run.run_info import Probe
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind, Stage
from tests.analysis.invariants.guests import after_boot, at, finished, replay, request
from tests.analysis.synthetic import BLOCK, MIB, Guest


def test_requests_without_unaccepted_ram_behind_them_are_not_applicable(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    start = at(guest, 60 * MIB)
    request(guest, start, BLOCK)
    for unit in range(start, start + BLOCK, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    request(guest, 0, 0, Kind.PROBE_RETURN)
    guest.bits[30:32] = False
    assert guard_verdict(guest, tmp_path) == ("not applicable", [])


def test_a_guest_that_accepts_on_faults_needs_no_guard(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, 36 * MIB)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101)
    guest.accept_block(page, 2 * UNIT_SIZE)
    [guard] = [one for one in replay(finished(guest), tmp_path).invariants if one.name == "I5"]
    assert guard.status == Status.NOT_APPLICABLE


@pytest.mark.parametrize("release", ["6.12.1", "6.1.176", ""])
@pytest.mark.parametrize("guard", [True, False])
def test_probed_requests_show_a_missing_guard_before_userspace(
    guard: bool, release: str, tmp_path: Path
) -> None:
    """They end, or have sizes, as the kernel's release says; without one its calls tell."""
    guest = Guest(probes=("accept_memory",), guard=guard, release=release)
    guest.boot()
    guest.end()
    verdict = replay(guest, tmp_path)
    status = {one.name: one.status.value for one in verdict.invariants}
    assert status["I5"] == ("holds" if guard else "broken")
    if not guard:
        (finding,) = verdict.findings
        assert int(finding.evidence["gpa"], 16) == at(guest, 24 * MIB)


def guard_verdict(guest: Guest, folder: Path) -> tuple[str, list[int]]:
    """What I5 says, and the borders of its findings; the guest has a probe on accept_memory() alone."""
    guest.end()
    probes = (Probe("accept_memory", 0xFFFFFFFF81000000),)
    verdict = replay_run(guest.write(folder / "run", probes=probes))
    status = {one.name: one.status.value for one in verdict.invariants}["I5"]
    return status, [int(one.evidence["gpa"], 16) for one in verdict.findings]


@pytest.mark.parametrize("late", [0, UNIT_SIZE])
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("short", [0, 1, 8, PAGE_SIZE - 1, PAGE_SIZE])
def test_a_guard_counts_when_the_request_returns(
    short: int, cut: bool, late: int, tmp_path: Path
) -> None:
    """A unit that is accepted later was no guard; a request ends with the page of its last byte."""
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    start = at(guest, 16 * MIB)
    request(guest, start, BLOCK - short)
    for unit in range(start, start + BLOCK + UNIT_SIZE - late, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    request(guest, 0, 0, Kind.PROBE_RETURN)
    if cut:
        guest.snapshot("between")
    for unit in range(start + BLOCK + UNIT_SIZE - late, start + 2 * BLOCK, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    guest.bits[8:12] = False
    broken = late and short < PAGE_SIZE
    looked_at = "holds" if short < PAGE_SIZE else "not decidable"
    expected = ("broken", [start + BLOCK]) if broken else (looked_at, [])
    assert guard_verdict(guest, tmp_path) == expected


def test_a_request_that_did_not_return_is_not_judged(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    first, second = at(guest, 16 * MIB), at(guest, 40 * MIB)
    request(guest, second, BLOCK, vcpu=1)  # dies in it
    request(guest, first, BLOCK)
    for unit in range(first, first + BLOCK + UNIT_SIZE, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    guest.bits[8:11] = False
    request(guest, 0, 0, Kind.PROBE_RETURN)
    assert guard_verdict(guest, tmp_path) == ("holds", [])


def test_each_vcpu_returns_from_its_own_request(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    requests = (at(guest, 16 * MIB), at(guest, 40 * MIB))
    for vcpu, start in enumerate(requests):
        request(guest, start, BLOCK, vcpu=vcpu)
    for vcpu, start in enumerate(requests):
        for unit in range(start, start + BLOCK + UNIT_SIZE, UNIT_SIZE):
            guest.accept_unit(unit, vcpu)
        first = (start - guest.layout.low) // UNIT_SIZE
        guest.bits[first : first + 3] = False
        request(guest, 0, 0, Kind.PROBE_RETURN, vcpu=vcpu)
    assert guard_verdict(guest, tmp_path) == ("holds", [])


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("own", [("start", "size"), ("start", "end")])
def test_a_function_of_the_series_takes_requests_as_accept_memory_does(
    own: tuple[str, str], guard: bool, tmp_path: Path
) -> None:
    """accept_memory() is there, but nobody calls it. What is no request of its kind is left out."""
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    start = at(guest, 16 * MIB)
    guest.event(Kind.PROBE_ENTER, start, BLOCK, detail=1)
    behind = UNIT_SIZE if guard else 0
    for unit in range(start, start + BLOCK + behind, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    guest.bits[8 : 10 + bool(guard)] = False
    guest.event(Kind.PROBE_RETURN, 0, 0, detail=1)
    guest.end()
    series = {"name": "wraps", "requests": {"accept_memory_for": list(own)}}
    probes = (
        Probe("accept_memory", 0xFFFFFFFF81000000, ("start", "size")),
        Probe("accept_memory_for", 0xFFFFFFFF81000100, own),
    )
    verdict = replay_run(guest.write(tmp_path / "run", probes=probes, series=series))
    status = {one.name: one.status.value for one in verdict.invariants}["I5"]
    expected = "holds" if guard else "broken"
    assert status == (expected if own[1] == "size" else "not decidable")


def test_a_request_of_another_series_is_none(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.event(Kind.PROBE_ENTER, at(guest, 16 * MIB), BLOCK, detail=0)
    guest.event(Kind.PROBE_RETURN, 0, 0, detail=0)
    guest.end()
    probes = (Probe("accept_memory_for", 0xFFFFFFFF81000100, ("start", "size")),)
    verdict = replay_run(guest.write(tmp_path / "run", probes=probes))
    status = {one.name: one.status.value for one in verdict.invariants}["I5"]
    assert status == "not decidable"
