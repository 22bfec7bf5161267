# SPDX-License-Identifier: GPL-2.0-only
"""Every invariant: silent on clean runs, and each with a broken run that only it catches."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.invariants import REGISTRY
from acceptlab.analysis.invariants.judge import judge, replay_run
from acceptlab.analysis.invariants.verdict import Status, Verdict
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Blob, Kernel, Probe
from acceptlab.analysis.trace.schema import (
    CONVERT_IMPLICIT,
    PAGE_SIZE,
    UNIT_SIZE,
    Attack,
    ConvertTo,
    Kind,
    Stage,
    StopReason,
)
from tests.analysis.synthetic import (
    BLOCK,
    MIB,
    SNP_SIZE_MISMATCH,
    TDX_ALREADY,
    Guest,
    Layout,
    booted,
)

SPARE = 56 * MIB
"""Offset above the layout's low end that the boot does not touch."""
LOCK = 0xFFFFFFFF82000040
LOCK_PROBES = ("unaccepted_memory_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore")


def replay(guest: Guest, folder: Path, **changes: Any) -> Verdict:
    return replay_run(guest.write(folder / "run", **changes))


def finished(guest: Guest) -> Guest:
    guest.work()
    guest.end()
    return guest


def at(guest: Guest, offset: int) -> int:
    return guest.layout.low + offset


# --- a broken run for every invariant; what run.json has to say about it -------------------

Broken = tuple[Guest, dict[str, Any]]


def fault_on_unaccepted_page() -> Broken:
    guest = Guest()
    guest.boot()
    guest.event(Kind.FAULT, at(guest, SPARE) + 0x128, 1, detail=0x404 << 32 | 0x101)
    return finished(guest), {}


def second_accept_after_a_remap() -> Broken:
    guest = Guest()
    guest.boot()
    page = at(guest, 16 * MIB)
    guest.event(Kind.ATTACK, page, PAGE_SIZE, detail=Attack.REMAP)
    guest.accept_block(page, PAGE_SIZE)
    return finished(guest), {}


def shared_without_rescind() -> Broken:
    guest = Guest()
    guest.boot()
    guest.share(at(guest, -8 * MIB), PAGE_SIZE, rescind=False)
    return finished(guest), {}


def bit_cleared_for_unaccepted_unit() -> Broken:
    guest = Guest()
    guest.boot()
    # Both units of a block, so that the counter follows the bitmap no further than it may.
    guest.bits[SPARE // UNIT_SIZE] = False
    return finished(guest), {}


def block_without_guard() -> Broken:
    guest = Guest()
    guest.boot()
    guest.guard = False
    return finished(guest), {}


def two_vcpus_in_one_unit() -> Broken:
    guest = Guest(backing="4K")
    guest.boot()
    unit = at(guest, 40 * MIB)
    guest.event(Kind.CONVERT, unit, UNIT_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, unit, UNIT_SIZE)
    for number, page in enumerate(range(unit, unit + UNIT_SIZE, PAGE_SIZE)):
        guest.accept_block(page, PAGE_SIZE, vcpu=number // 100 % 2)
    guest.bits[40 * MIB // UNIT_SIZE] = False
    return finished(guest), {}


def accept_of_an_accepted_page() -> Broken:
    guest = Guest()
    guest.boot()
    guest.event(Kind.ACCEPT, at(guest, 16 * MIB), UNIT_SIZE, carry=1)
    return finished(guest), {}


def accept_under_the_lock() -> Broken:
    guest = Guest(probes=LOCK_PROBES)
    guest.boot()
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=1)
    guest.accept_memory(at(guest, 40 * MIB), BLOCK)
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=2)
    guest.work()
    guest.end()
    probes = tuple(Probe(name, LOCK) for name in LOCK_PROBES)
    return guest, {"probes": probes}


def initrd_in_unaccepted_memory() -> Broken:
    guest = booted()
    handoff = guest.info().handoff
    initrd = Blob("initrd", at(guest, -PAGE_SIZE), 2 * PAGE_SIZE)
    return guest, {"handoff": replace(handoff, blobs=(initrd,))}


def counter_off() -> Broken:
    guest = Guest()
    guest.boot()
    guest.meminfo("start", extra_blocks=3)
    return finished(guest), {}


ONLY: dict[str, Callable[[], Broken]] = {
    "I1": fault_on_unaccepted_page,
    "I2": second_accept_after_a_remap,
    "I3": shared_without_rescind,
    "I4": bit_cleared_for_unaccepted_unit,
    "I5": block_without_guard,
    "I6": two_vcpus_in_one_unit,
    "I7": accept_of_an_accepted_page,
    "I8": accept_under_the_lock,
    "I9": initrd_in_unaccepted_memory,
    "I10": counter_off,
}


def test_there_is_a_broken_run_for_every_invariant() -> None:
    assert set(ONLY) == set(REGISTRY)


@pytest.mark.parametrize("name", ONLY)
def test_a_broken_run_is_caught_by_its_invariant_alone(name: str, tmp_path: Path) -> None:
    guest, changes = ONLY[name]()
    verdict = replay(guest, tmp_path, **changes)
    assert {finding.invariant for finding in verdict.findings} == {name}
    assert verdict.verdict == "findings" and verdict.exit_code == 1
    statuses = {one.name: one.status.value for one in verdict.invariants}
    assert [key for key, status in statuses.items() if status == "broken"] == [name]


@pytest.mark.parametrize("name", ONLY)
def test_without_the_invariant_its_broken_run_goes_through(name: str, tmp_path: Path) -> None:
    guest, changes = ONLY[name]()
    run = Run.open(guest.write(tmp_path / "run", **changes))
    registry = {key: kind for key, kind in REGISTRY.items() if key != name}
    assert judge(run, registry=registry).verdict == "clean"


@pytest.mark.parametrize(
    ("platform", "accept", "backing", "cpus"),
    list(itertools.product(("snp", "tdx"), ("lazy", "eager"), ("2M", "4K"), (1, 4))),
)
def test_clean_runs_are_clean(
    platform: str, accept: str, backing: str, cpus: int, tmp_path: Path
) -> None:
    guest = booted(platform=platform, accept=accept, backing=backing, cpus=cpus)
    verdict = replay(guest, tmp_path)
    assert (verdict.verdict, verdict.findings, verdict.reasons) == ("clean", [], [])
    status = {one.name: one.status.value for one in verdict.invariants}
    assert status["I8"] == "not decidable"
    assert status["I6"] == ("holds" if cpus > 1 else "not applicable")
    assert status["I5"] == ("holds" if accept == "lazy" else "not decidable")
    held = {"I1", "I2", "I3", "I4", "I7", "I9", "I10"}
    assert {status[name] for name in held} == {"holds"}


# --- what a finding says ------------------------------------------------------------------


def titles(guest: Guest, tmp_path: Path, **changes: Any) -> list[str]:
    return [one.title for one in replay(guest, tmp_path, **changes).findings]


def after_boot(**options: Any) -> Guest:
    guest = Guest(**options)
    guest.boot()
    return guest


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_used_after_conversion_without_accept(platform: str, tmp_path: Path) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 1)
    guest.event(Kind.FAULT, page + 8, 1, detail=0x101)
    found = titles(finished(guest), tmp_path)
    assert found == ["accessed a page after converting it to private without accepting it"]


def test_private_use_of_a_shared_page(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.event(Kind.STOP, page, 1, result=StopReason.NOT_ASSIGNED, detail=0x100)
    found = titles(finished(guest), tmp_path)
    assert found == ["private access to a shared page: the C-bit is wrong"]


@pytest.mark.parametrize(("platform", "bit"), [("snp", "C-bit"), ("tdx", "shared bit")])
def test_shared_use_of_a_private_page(platform: str, bit: str, tmp_path: Path) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.event(Kind.STOP, page, 1, result=StopReason.SHARED_ACCESS, detail=0x001)
    found = titles(finished(guest), tmp_path)
    assert found == [f"shared access to a private page: the {bit} is wrong"]


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.FAULT])
def test_shared_use_of_a_page_that_another_vcpu_converts(kind: Kind, tmp_path: Path) -> None:
    """Linux converts to private first and changes the mapping afterwards (semantics.md 2.10.4)."""
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.unshare(page, PAGE_SIZE)
    result = StopReason.SHARED_ACCESS if kind == Kind.STOP else 0
    guest.event(kind, page, 1, result=result, detail=0x000, vcpu=1)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a page that another vCPU made private"]


def test_shared_use_of_a_page_that_the_same_vcpu_made_private(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.unshare(page, PAGE_SIZE)
    guest.event(Kind.FAULT, page, 1, detail=0x000)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a private page: the shared bit is wrong"]


IMPLICIT = ConvertTo.SHARED | CONVERT_IMPLICIT


def test_implicit_conversion_is_a_shared_use_of_a_private_page(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=IMPLICIT)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a private page, which the host made shared"]


@pytest.mark.parametrize("implicit", [True, False])
def test_shared_use_of_a_page_on_its_way_to_shared_is_harmless(
    implicit: bool, tmp_path: Path
) -> None:
    """Linux changes the mapping first, and then asks for the conversion (semantics.md 2.10.4)."""
    for vcpu, expected in ((1, []), (0, ["shared access to a private page"])):
        guest = after_boot(platform="tdx")
        page = at(guest, -12 * MIB)
        if implicit:
            guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=IMPLICIT, vcpu=vcpu)
            guest.event(Kind.REMOVE, page, PAGE_SIZE, vcpu=vcpu)
        else:
            guest.event(Kind.FAULT, page, 1, detail=0x000, vcpu=vcpu)
        guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.SHARED)
        if not implicit:
            guest.event(Kind.REMOVE, page, PAGE_SIZE)
        guest._set(page, PAGE_SIZE, 0)
        found = titles(finished(guest), tmp_path / str(vcpu))
        assert [title[:31] for title in found] == expected


def released(guest: Guest, offset: int) -> int:
    """Have the guest release a page; its address."""
    page = at(guest, offset)
    guest.event(Kind.RELEASE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 1)
    return page


def test_a_released_page_is_accepted_again(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    guest.accept_block(released(guest, -12 * MIB), PAGE_SIZE)
    assert titles(finished(guest), tmp_path) == []


def test_use_of_a_released_page(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = released(guest, -12 * MIB)
    guest.event(Kind.STOP, page + 8, 1, result=StopReason.PENDING, detail=0x100)
    assert titles(finished(guest), tmp_path) == ["accessed a page after rescinding or releasing it"]


def test_a_refused_release_gives_nothing_back(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.event(Kind.RELEASE, page, PAGE_SIZE, result=0xC0000B0B00000001)
    assert titles(finished(guest), tmp_path / "mismatch") == []
    guest = after_boot(platform="tdx")
    page = released(guest, -12 * MIB)
    guest.event(Kind.RELEASE, page, PAGE_SIZE, result=0xC0000B0D00000001)
    found = titles(finished(guest), tmp_path / "twice")
    assert found == ["released a page that was not accepted"]


def test_ciphertext_read(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.CIPHERTEXT, at(guest, -12 * MIB), 1)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a private page: the C-bit is wrong"]


@pytest.mark.parametrize(
    ("before", "title"),
    [
        (0, "accessed a page it never accepted"),
        (1, "read past the end of accepted memory"),
        (7, "read past the end of accepted memory"),
    ],
)
def test_read_past_the_end_of_accepted_memory(before: int, title: str, tmp_path: Path) -> None:
    """At the first byte of a page: only what began in the page before ran past an end."""
    guest = after_boot()
    guest.event(Kind.FAULT, at(guest, 26 * MIB), 1, detail=0x100 | before << 16)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.title == title
    assert (f"{before} byte" in finding.explanation) == bool(before)


def test_a_read_across_two_unaccepted_pages_ran_past_no_end(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.FAULT, at(guest, SPARE) + PAGE_SIZE, 1, detail=0x100 | 3 << 16)
    assert titles(finished(guest), tmp_path) == ["accessed a page it never accepted"]


CONVERTS = "accessed a page while another vCPU converts it"


def converts(guest: Guest, page: int, to: ConvertTo, vcpu: int = 1) -> None:
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=to, vcpu=vcpu)


@pytest.mark.parametrize(
    ("user", "ended_by", "title"),
    [
        (0, 1, CONVERTS),
        (1, 1, "accessed a page after converting it to private without accepting it"),
        (0, 0, "accessed a page after converting it to private without accepting it"),
    ],
)
def test_a_page_that_another_vcpu_makes_private(
    user: int, ended_by: int, title: str, tmp_path: Path
) -> None:
    guest = after_boot()
    page = at(guest, -8 * MIB)
    guest.share(page, PAGE_SIZE)
    converts(guest, page, ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE, vcpu=1)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101, vcpu=user)
    guest.accept_block(page, PAGE_SIZE, vcpu=ended_by)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.title == title
    if title == CONVERTS:
        assert "vCPU 1 was making the page private (event " in finding.explanation
        assert "when vCPU 0 used it" in finding.explanation


@pytest.mark.parametrize(
    ("user", "title"), [(0, CONVERTS), (1, "accessed a page after rescinding or releasing it")]
)
def test_a_page_that_another_vcpu_makes_shared(user: int, title: str, tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, -8 * MIB)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0, vcpu=1)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101, vcpu=user)
    converts(guest, page, ConvertTo.SHARED)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    assert titles(finished(guest), tmp_path) == [title]


@pytest.mark.parametrize(("later", "title"), [(0, CONVERTS), (1 << 30, "accessed a page after converting it to private without accepting it")])  # fmt: skip
def test_the_conversion_during_which_a_guest_died(later: int, title: str, tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -8 * MIB)
    guest.share(page, PAGE_SIZE)
    converts(guest, page, ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE, vcpu=1)
    guest.clock += later
    guest.event(Kind.STOP, page, 1, detail=0x101, result=StopReason.PENDING, vcpu=0)
    guest._set(page, PAGE_SIZE, 1)
    guest.end()
    told = replay(guest, tmp_path, outcome="stopped").findings
    assert [one.title for one in told if one.invariant == "I1"] == [title]


def test_the_parties_of_a_second_rescind_are_named(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, -8 * MIB)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0, vcpu=1)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=1, vcpu=0)
    converts(guest, page, ConvertTo.SHARED)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.title == "rescinded a page that was not accepted"
    assert "vCPU 1 had rescinded it in stage userspace (event " in finding.explanation
    assert finding.explanation.endswith("vCPU 0 rescinded it now.")
    assert finding.evidence["other_vcpu"] == 1


# --- nothing to look at -----------------------------------------------------------------------


def idle() -> Guest:
    """A guest whose firmware accepted everything, and that accepts and converts nothing."""
    guest = Guest(layout=Layout(96 * MIB, 96 * MIB))
    for stage in (Stage.DECOMPRESSOR, Stage.KERNEL, Stage.USERSPACE):
        guest.stage(stage)
    guest.end()
    return guest


def test_without_anything_to_look_at_no_rule_holds_and_the_run_is_clean(tmp_path: Path) -> None:
    verdict = replay(idle(), tmp_path)
    told = {one.name: one for one in verdict.invariants}
    for name in ("I2", "I3", "I4", "I5", "I6", "I7", "I10"):
        assert told[name].status == Status.NOT_APPLICABLE, name
    for name in ("I2", "I3", "I7"):
        assert told[name].explanation.startswith("Nothing to look at: the trace has no "), name
    assert told["I1"].status == told["I9"].status == Status.HOLDS
    assert verdict.verdict == "clean"
    assert verdict.headline.startswith("Nothing was accepted, and no access was refused")


@pytest.mark.parametrize("name", list(REGISTRY))
def test_no_invariant_holds_that_looked_at_nothing(name: str, tmp_path: Path) -> None:
    run = Run.open(booted(probes=LOCK_PROBES).write(tmp_path / "run"))

    class Blind(REGISTRY[name]):  # type: ignore[misc]
        """As the invariant is, and never shown a step."""

        def watch(self, step: Step) -> None:
            pass

    (result,) = judge(run, registry={name: Blind}).invariants
    assert result.status != Status.HOLDS


def test_requests_with_no_unaccepted_ram_behind_decide_nothing(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    start = at(guest, 60 * MIB)
    asks(guest, start, BLOCK)
    for unit in range(start, start + BLOCK, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    asks(guest, 0, 0, Kind.PROBE_RETURN)
    guest.bits[30:32] = False
    assert guarded(guest, tmp_path) == ("not applicable", [])


@pytest.mark.parametrize("watched", [False, True])
def test_a_second_kernel_has_a_lock_of_its_own(watched: bool, tmp_path: Path) -> None:
    guest = Guest(probes=LOCK_PROBES)
    guest.boot()
    taken = (1, 2)
    for function in taken:
        guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=function)
    guest.stage(Stage.SECOND_DECOMPRESSOR)
    guest.stage(Stage.SECOND_KERNEL)
    for function in taken if watched else ():
        guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=function)
    guest.accept_memory(at(guest, 40 * MIB), BLOCK)
    guest.stage(Stage.SECOND_USERSPACE)
    guest.end()
    probes = tuple(Probe(name, LOCK) for name in LOCK_PROBES)
    (result,) = [
        one for one in replay(guest, tmp_path, probes=probes).invariants if one.name == "I8"
    ]
    assert result.status == (Status.HOLDS if watched else Status.NOT_DECIDABLE)


def test_a_fault_that_is_answered_by_an_accept_is_no_finding(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, SPARE)
    guest.event(Kind.FAULT, page + 0x128, 1, detail=0x404 << 32 | 0x101)
    guest.accept_block(page, UNIT_SIZE)
    verdict = replay(finished(guest), tmp_path)
    assert [one for one in verdict.findings if one.invariant == "I1"] == []
    [told] = [one.explanation for one in verdict.invariants if one.name == "I1"]
    assert told.startswith("1 accesses of unaccepted pages faulted")


def test_a_guest_that_accepts_on_faults_needs_no_guard(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, 36 * MIB)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101)
    guest.accept_block(page, 2 * UNIT_SIZE)
    [guard] = [one for one in replay(finished(guest), tmp_path).invariants if one.name == "I5"]
    assert guard.status == Status.NOT_APPLICABLE


def test_a_page_that_faults_after_it_was_accepted_is_a_finding_for_all_accepts(
    tmp_path: Path,
) -> None:
    guest = after_boot()
    page = at(guest, -12 * MIB)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101)
    guest.accept_block(page, PAGE_SIZE)
    assert titles(finished(guest), tmp_path) == ["accessed a page after rescinding or releasing it"]


def test_a_write_to_the_first_page_behind_accepted_memory_is_no_overrun(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.FAULT, at(guest, 26 * MIB), 1, detail=0x101)
    assert titles(finished(guest), tmp_path) == ["accessed a page it never accepted"]


def test_symbols_name_the_code(tmp_path: Path) -> None:
    system_map = tmp_path / "System.map"
    system_map.write_text("ffffffff80234500 T reader\nffffffff80235560 t caller\n")
    guest, _ = fault_on_unaccepted_page()
    kernel = Kernel(vmlinux=str(system_map))
    verdict = replay(guest, tmp_path, kernel=kernel, report={"kaslr_offset": "0x1000000"})
    evidence = verdict.findings[0].evidence
    assert (evidence["symbol"], evidence["caller_symbol"]) == ("reader+0x67", "caller+0x7")
    assert "in reader+0x67" in verdict.headline


@pytest.mark.parametrize(
    ("takes", "accepts", "status"),
    [
        (True, True, "holds"),
        (False, True, "not decidable"),
        (False, False, "not applicable"),
    ],
)
def test_a_lock_that_nobody_was_seen_to_take_shows_nothing(
    takes: bool, accepts: bool, status: str, tmp_path: Path
) -> None:
    guest = Guest(probes=LOCK_PROBES)
    for stage in (Stage.DECOMPRESSOR, Stage.KERNEL, Stage.USERSPACE):
        guest.stage(stage)
    if takes:
        guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=1)
        guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=2)
    if accepts:
        guest.accept_memory(at(guest, 40 * MIB), BLOCK)
    probes = tuple(Probe(name, LOCK) for name in LOCK_PROBES)
    guest.end()
    verdict = replay(guest, tmp_path, probes=probes)
    assert {one.name: one.status.value for one in verdict.invariants}["I8"] == status


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


def test_a_block_is_counted_until_the_unit_behind_it_is_accepted(tmp_path: Path) -> None:
    """A whole block that is accepted itself stays on the kernel's list for its neighbour's sake."""
    guest = Guest()
    guest.boot()
    # As early allocations leave it: a guarded request that ends on a block's border.
    guest.accept_memory(at(guest, 40 * MIB), BLOCK - UNIT_SIZE)
    verdict = replay(finished(guest), tmp_path)
    status = {one.name: one.status.value for one in verdict.invariants}
    assert status["I10"] == "holds"


def counted(policy: str, folder: Path, vmstat_of: float = 1.0) -> str:
    """What I10 says of a guest in which 40 MiB are accepted after its last count."""
    guest = Guest(layout=Layout(32 * MIB, 128 * MIB))
    guest.boot()
    guest.meminfo("end")
    pages = int(guest.console[-1].partition("nr_unaccepted=")[2].split()[0])
    told = guest.console[-1]
    guest.console[-1] = told.replace(
        f"nr_unaccepted={pages}", f"nr_unaccepted={int(pages * vmstat_of)}"
    )
    guest.accept_memory(at(guest, 40 * MIB), 40 * MIB)
    guest.end()
    machine = replace(guest.info().machine, accept=policy)
    invariants = replay_run(guest.write(folder / "run", machine=machine)).invariants
    return next(one.status.value for one in invariants if one.name == "I10")


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ("lazy", "broken"),
        ("deferred", "holds"),
        ("lazy+deferred", "holds"),
        ("deferred:4", "holds"),
    ],
)
def test_what_is_accepted_in_the_background_is_so_after_the_last_count(
    policy: str, status: str, tmp_path: Path
) -> None:
    assert counted(policy, tmp_path) == status


def test_two_counters_are_read_one_after_the_other(tmp_path: Path) -> None:
    assert counted("deferred", tmp_path, vmstat_of=0.9) == "holds"


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_accept_of_a_shared_page(platform: str, tmp_path: Path) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.event(Kind.STOP, page, 1, result=StopReason.NOT_ASSIGNED, detail=0x104)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.invariant == "I3"
    assert finding.title == "accepted a page that is shared with the host"


@pytest.mark.parametrize(("offset", "shared"), [(-12 * MIB, False), (-12 * MIB, True)])
def test_ghcb_that_the_host_cannot_use(offset: int, shared: bool, tmp_path: Path) -> None:
    guest = after_boot()
    if shared:
        guest.share(at(guest, offset), PAGE_SIZE)
    guest.event(Kind.STOP, at(guest, offset), 1, result=StopReason.HANDLER, detail=0x001)
    found = titles(finished(guest), tmp_path)
    assert found == ([] if shared else ["the GHCB page is not shared with the host"])


def test_dma_into_private_memory(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.DMA_REFUSED, at(guest, -12 * MIB), PAGE_SIZE, detail=1)
    assert titles(finished(guest), tmp_path) == ["device DMA to private memory"]


@pytest.mark.parametrize("gpa", [0xC0000, 1 << 40])
def test_accept_of_what_is_no_ram(gpa: int, tmp_path: Path) -> None:
    guest = after_boot()
    reason = StopReason.NOT_RAM
    guest.event(Kind.STOP, gpa, 1, result=reason, detail=0x104)
    assert titles(finished(guest), tmp_path) == ["accepted an address that is not RAM"]


@pytest.mark.parametrize("gpa", [0xC0000, 1 << 40])
def test_successful_accept_of_what_is_no_ram(gpa: int, tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.ACCEPT, gpa, PAGE_SIZE, carry=0)
    guest.ram[gpa // PAGE_SIZE : gpa // PAGE_SIZE + 1] = True  # in the snapshots only
    guest._set(gpa, PAGE_SIZE, 2)
    assert "accepted an address that is not RAM" in titles(finished(guest), tmp_path)


def test_withheld_table(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.STOP, at(guest, SPARE), 1, result=StopReason.NOT_ASSIGNED, detail=0x101)
    finished(guest)
    guest.files = {name: data for name, data in guest.files.items() if "pages" in name}
    handoff = replace(guest.info().handoff, bitmap=None)
    found = titles(guest, tmp_path, handoff=handoff)
    assert found == ["accessed a page it never accepted: the guest got no bitmap"]


def test_a_page_taken_by_the_host_without_an_attack_is_in_doubt(tmp_path: Path) -> None:
    """The trace contradicts itself: it shows that the access was refused, and not why."""
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    guest.event(Kind.STOP, page, 1, result=StopReason.BLOCKED, detail=0x101)
    assert titles(finished(guest), tmp_path) == ["accessed a page that is not accepted"]


def test_reflected_mmio_is_no_finding(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.FAULT, 0xFEE00000, 1, detail=0x001)
    assert titles(finished(guest), tmp_path) == []


def test_accepting_twice(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    guest.event(Kind.ACCEPT, at(guest, 16 * MIB), UNIT_SIZE, result=TDX_ALREADY | 1)
    assert titles(finished(guest), tmp_path) == ["accepted a page that was already accepted"]


def test_second_success_without_anything_between(tmp_path: Path) -> None:
    guest = after_boot()
    guest.accept_block(at(guest, 16 * MIB), UNIT_SIZE)
    assert titles(finished(guest), tmp_path) == ["accepted a page twice"]


def test_accept_of_an_unassigned_page(tmp_path: Path) -> None:
    guest = after_boot()
    guest.accept_block(at(guest, 40 * MIB), UNIT_SIZE)
    guest.bits[40 * MIB // UNIT_SIZE] = False
    assert titles(finished(guest), tmp_path) == ["accepted a page that was not assigned to it"]


def test_repeated_size_mismatch(tmp_path: Path) -> None:
    guest = after_boot()
    unit = at(guest, 40 * MIB)
    for _ in range(2):
        guest.event(Kind.ACCEPT, unit, UNIT_SIZE, result=SNP_SIZE_MISMATCH, carry=0)
    found = titles(finished(guest), tmp_path)
    assert found == ["tried the same unit at 2M again after a size mismatch"]


def test_bit_left_set_for_an_accepted_unit(tmp_path: Path) -> None:
    guest = after_boot()
    guest.clock += 1 << 30
    guest.bits[8] = True
    found = titles(finished(guest), tmp_path)
    assert "the bitmap says unaccepted, but the unit is accepted" in found


def test_firmware_data_marked_unaccepted(tmp_path: Path) -> None:
    guest = booted()
    handoff = guest.info().handoff
    blob = Blob("efi", at(guest, 60 * MIB), PAGE_SIZE)
    found = titles(guest, tmp_path, handoff=replace(handoff, blobs=(blob,)))
    assert found[0] == "efi lies in memory that is not accepted"
    assert "the bitmap marks the memory of efi as unaccepted" in found


def test_evidence_names_event_page_code_and_history(tmp_path: Path) -> None:
    guest, _ = fault_on_unaccepted_page()
    (finding,) = replay(guest, tmp_path).findings
    evidence = finding.evidence
    records = guest.records()
    (seq,) = evidence["events"]
    assert records["kind"][seq] == Kind.FAULT
    assert int(evidence["gpa"], 16) == records["gpa"][seq]
    assert int(evidence["rip"], 16) == records["rip"][seq]
    assert (evidence["vcpu"], evidence["stage"]) == (0, "userspace")
    assert [event["kind"] for event in evidence["history"]] == ["ram", "fault"]


def test_many_of_a_kind_are_counted_and_a_few_listed(tmp_path: Path) -> None:
    guest = after_boot()
    for number in range(300):
        guest.event(Kind.CIPHERTEXT, at(guest, -12 * MIB) + number * PAGE_SIZE, 1)
    verdict = replay(finished(guest), tmp_path)
    assert len(verdict.findings) == 5
    assert {finding.total for finding in verdict.findings} == {300}
    (broken,) = [one for one in verdict.invariants if one.findings]
    assert broken.findings == 300


# --- when, and by whom ----------------------------------------------------------------------


def asks(guest: Guest, start: int, size: int, kind: Kind = Kind.PROBE_ENTER, vcpu: int = 0) -> None:
    guest.event(kind, start, size, detail=0, vcpu=vcpu)


def guarded(guest: Guest, folder: Path) -> tuple[str, list[int]]:
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
    asks(guest, start, BLOCK - short)
    for unit in range(start, start + BLOCK + UNIT_SIZE - late, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    asks(guest, 0, 0, Kind.PROBE_RETURN)
    if cut:
        guest.snapshot("between")
    for unit in range(start + BLOCK + UNIT_SIZE - late, start + 2 * BLOCK, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    guest.bits[8:12] = False
    broken = late and short < PAGE_SIZE
    looked_at = "holds" if short < PAGE_SIZE else "not decidable"
    expected = ("broken", [start + BLOCK]) if broken else (looked_at, [])
    assert guarded(guest, tmp_path) == expected


def test_a_request_that_did_not_return_is_not_judged(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    first, second = at(guest, 16 * MIB), at(guest, 40 * MIB)
    asks(guest, second, BLOCK, vcpu=1)  # dies in it
    asks(guest, first, BLOCK)
    for unit in range(first, first + BLOCK + UNIT_SIZE, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    guest.bits[8:11] = False
    asks(guest, 0, 0, Kind.PROBE_RETURN)
    assert guarded(guest, tmp_path) == ("holds", [])


def test_each_vcpu_returns_from_its_own_request(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    requests = (at(guest, 16 * MIB), at(guest, 40 * MIB))
    for vcpu, start in enumerate(requests):
        asks(guest, start, BLOCK, vcpu=vcpu)
    for vcpu, start in enumerate(requests):
        for unit in range(start, start + BLOCK + UNIT_SIZE, UNIT_SIZE):
            guest.accept_unit(unit, vcpu)
        first = (start - guest.layout.low) // UNIT_SIZE
        guest.bits[first : first + 3] = False
        asks(guest, 0, 0, Kind.PROBE_RETURN, vcpu=vcpu)
    assert guarded(guest, tmp_path) == ("holds", [])


@pytest.mark.parametrize(
    ("outcome", "vcpu", "found"),
    [("panic", 1, False), ("userspace", 1, True), ("panic", None, True)],
)
def test_bits_that_a_vcpu_could_not_clear_when_it_died(
    outcome: str, vcpu: int | None, found: bool, tmp_path: Path
) -> None:
    """It accepted two units; whoever goes on accepting elsewhere has cleared the bits of what it finished."""
    guest = after_boot(cpus=4)
    start = at(guest, 40 * MIB)
    for unit in (start, start + UNIT_SIZE):
        guest.accept_unit(unit, 1)
    if vcpu is None:
        guest.accept_memory(at(guest, 52 * MIB), UNIT_SIZE, vcpu=1)
    guest.clock += 1 << 30
    told = titles(finished_at(guest), tmp_path, outcome=outcome)
    assert ("the bitmap says unaccepted, but the unit is accepted" in told) == found


def finished_at(guest: Guest) -> Guest:
    guest.end()
    return guest


def test_the_parties_of_a_second_accept_are_named(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, 22 * MIB)  # accepted by vCPU 1 as the kernel booted
    guest.event(Kind.ACCEPT, page, UNIT_SIZE, result=TDX_ALREADY | 1, vcpu=0)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert "vCPU 1 had accepted it in stage kernel (event " in finding.explanation
    assert finding.explanation.endswith("vCPU 0 accepted it again.")


def test_turns_of_two_vcpus_in_a_unit_are_one_finding_however_often(tmp_path: Path) -> None:
    guest = Guest(backing="4K")
    guest.boot()
    unit = at(guest, 40 * MIB)
    guest.event(Kind.CONVERT, unit, UNIT_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, unit, UNIT_SIZE)
    guest._set(unit, UNIT_SIZE, 1)
    for number, page in enumerate(range(unit, unit + UNIT_SIZE, PAGE_SIZE)):
        if number in (60, 80):
            guest.snapshot("between")
        guest.accept_block(page, PAGE_SIZE, vcpu=number // 20 % 2 if number < 100 else 1)
    guest.bits[40 * MIB // UNIT_SIZE] = False
    (finding,) = [
        one for one in replay(finished(guest), tmp_path).findings if one.invariant == "I6"
    ]
    assert finding.total == 1


def test_a_unit_may_pass_once_from_one_vcpu_to_the_next(tmp_path: Path) -> None:
    guest = Guest(backing="4K")
    guest.boot()
    unit = at(guest, 40 * MIB)
    guest.event(Kind.CONVERT, unit, UNIT_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, unit, UNIT_SIZE)
    for number, page in enumerate(range(unit, unit + UNIT_SIZE, PAGE_SIZE)):
        guest.accept_block(page, PAGE_SIZE, vcpu=int(number > 100))
    guest.bits[40 * MIB // UNIT_SIZE] = False
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
def test_a_refused_accept_that_no_vcpu_is_in_the_way_of_does_not_count(
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


def test_only_one_vcpu_accepting_is_nothing_to_look_at(tmp_path: Path) -> None:
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
    """vCPU 1 asks for what vCPU 0 is accepting, and waits."""
    guest = Guest(probes=("accept_memory",))
    guest.boot()
    start = at(guest, 40 * MIB)
    asks(guest, start, BLOCK)
    asks(guest, start, BLOCK, vcpu=1)
    for unit in range(start, start + BLOCK + UNIT_SIZE, UNIT_SIZE):
        guest.accept_unit(unit, 0)
    guest.bits[20:23] = False
    guest.clock += 5000
    if returns:
        asks(guest, 0, 0, Kind.PROBE_RETURN)
        asks(guest, 0, 0, Kind.PROBE_RETURN, vcpu=1)
    guest.meminfo("end")
    guest.end()
    return guest


def test_the_longest_wait_is_told_with_both_vcpus(tmp_path: Path) -> None:
    (result,) = [one for one in replay(waiting(True), tmp_path).invariants if one.name == "I6"]
    assert result.status == Status.HOLDS
    waited = int(re.findall(r"vCPU 1 waited ([0-9,]+) instructions for vCPU 0", result.explanation)[0].replace(",", ""))  # fmt: skip
    assert 5000 < waited < 5200


def test_a_wait_without_end_is_told_of_a_guest_that_ended_in_it(tmp_path: Path) -> None:
    told = replay(waiting(False), tmp_path, outcome="timeout").cause
    (line,) = [one for one in told if "waits in accept_memory()" in one]
    assert line.startswith("vCPU 1 waits") and line.endswith(
        "for vCPU 0, which has not returned either"
    )


def test_a_wait_for_nobody_is_told(tmp_path: Path) -> None:
    guest = Guest(probes=("accept_memory",))
    guest.boot()
    asks(guest, at(guest, 52 * MIB), BLOCK, vcpu=1)
    guest.event(Kind.PROBE_RETURN, 0, 2_000_000, detail=0, vcpu=1)
    (result,) = [one for one in replay(finished(guest), tmp_path).invariants if one.name == "I6"]
    assert "vCPU 1 waited 2,000,000 instructions for no other vCPU" in result.explanation


def test_a_lock_is_held_across_the_border_of_a_batch(tmp_path: Path) -> None:
    guest = Guest(probes=LOCK_PROBES)
    guest.boot()
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=1)
    guest.snapshot("between")
    guest.accept_memory(at(guest, 40 * MIB), BLOCK)
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=2)
    probes = tuple(Probe(name, LOCK) for name in LOCK_PROBES)
    (finding, *_) = replay(finished(guest), tmp_path, probes=probes).findings
    assert finding.invariant == "I8"


def test_vcpus_that_accept_nothing_show_nothing(tmp_path: Path) -> None:
    guest = Guest(layout=Layout(32 * MIB, 32 * MIB))
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.stage(Stage.USERSPACE)
    status = {one.name: one.status.value for one in replay(finished_at(guest), tmp_path).invariants}
    assert status["I6"] == "not applicable"


@pytest.mark.parametrize("blocks", [1, 5])
def test_the_counter_is_not_blamed_for_bits_that_were_cleared_too_early(
    blocks: int, tmp_path: Path
) -> None:
    """It follows the bitmap: what I4 tells of explains it."""
    guest = Guest()
    guest.boot()
    guest.bits[SPARE // UNIT_SIZE : SPARE // UNIT_SIZE + 2 * min(blocks, 2)] = False
    guest.bits[0 : 2 * max(blocks - 2, 0)] = False
    found = {one.invariant for one in replay(finished(guest), tmp_path).findings}
    assert found == {"I4"}


def test_the_counter_is_not_blamed_for_bits_that_stay_set(tmp_path: Path) -> None:
    guest = Guest(accept="eager")
    guest.boot()
    guest.clock += 1 << 30
    guest.bits[:30] = True
    found = {one.invariant for one in replay(finished(guest), tmp_path).findings}
    assert found == {"I4"}


def test_a_counter_that_is_wrong_by_more_than_the_bits_is_blamed(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.bits[SPARE // UNIT_SIZE] = False
    guest.meminfo("middle", extra_blocks=40)
    found = {one.invariant for one in replay(finished(guest), tmp_path).findings}
    assert found == {"I4", "I10"}
