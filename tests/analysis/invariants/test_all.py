# SPDX-License-Identifier: GPL-2.0-only
"""Each invariant is silent on clean runs, and has a broken run that it alone finds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.invariants import REGISTRY
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Status
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Blob, Kernel, Probe
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Attack, Kind, Stage
from tests.analysis.invariants.guests import (
    LOCK,
    LOCK_PROBES,
    SPARE,
    Broken,
    accept_pages,
    after_boot,
    at,
    fault_on_unaccepted_page,
    finished,
    replay,
)
from tests.analysis.synthetic import BLOCK, MIB, Guest, Layout, booted


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
    accept_pages(guest, at(guest, 40 * MIB), [page // 100 % 2 for page in range(512)])
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
    guest.meminfo("start", extra_blocks=4)
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
    # Page by page, 16 MiB are as good as 64.
    layout = Layout(top=48 * MIB) if (accept, backing) == ("eager", "4K") else Layout()
    guest = booted(platform=platform, accept=accept, backing=backing, cpus=cpus, layout=layout)
    verdict = replay(guest, tmp_path)
    assert (verdict.verdict, verdict.findings, verdict.reasons) == ("clean", [], [])
    status = {one.name: one.status.value for one in verdict.invariants}
    assert status["I8"] == "not decidable"
    assert status["I6"] == ("holds" if cpus > 1 else "not applicable")
    assert status["I5"] == ("holds" if accept == "lazy" else "not decidable")
    held = {"I1", "I2", "I3", "I4", "I7", "I9", "I10"}
    assert {status[name] for name in held} == {"holds"}


def idle() -> Guest:
    """A guest whose firmware accepted everything, and that accepts and converts nothing."""
    guest = Guest(layout=Layout(96 * MIB, 96 * MIB))
    for stage in (Stage.DECOMPRESSOR, Stage.KERNEL, Stage.USERSPACE):
        guest.stage(stage)
    guest.end()
    return guest


def test_a_guest_that_accepts_nothing_is_clean_with_invariants_not_applicable(
    tmp_path: Path,
) -> None:
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
def test_an_invariant_that_saw_no_step_does_not_hold(name: str, tmp_path: Path) -> None:
    run = Run.open(booted(probes=LOCK_PROBES).write(tmp_path / "run"))

    class Blind(REGISTRY[name]):  # type: ignore[misc]
        """As the invariant is, and never shown a step."""

        def watch(self, step: Step) -> None:
            pass

    (result,) = judge(run, registry={name: Blind}).invariants
    assert result.status != Status.HOLDS


def test_symbols_name_the_code(tmp_path: Path) -> None:
    system_map = tmp_path / "System.map"
    system_map.write_text("ffffffff80234500 T reader\nffffffff80235560 t caller\n")
    guest, _ = fault_on_unaccepted_page()
    kernel = Kernel(vmlinux=str(system_map))
    verdict = replay(guest, tmp_path, kernel=kernel, report={"kaslr_offset": "0x1000000"})
    evidence = verdict.findings[0].evidence
    assert (evidence["symbol"], evidence["caller_symbol"]) == ("reader+0x67", "caller+0x7")
    assert "in reader+0x67" in verdict.headline


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


def test_many_findings_of_a_kind_are_counted_and_a_few_listed(tmp_path: Path) -> None:
    guest = after_boot()
    for number in range(300):
        guest.event(Kind.CIPHERTEXT, at(guest, -12 * MIB) + number * PAGE_SIZE, 1)
    verdict = replay(finished(guest), tmp_path)
    assert len(verdict.findings) == 5
    assert {finding.total for finding in verdict.findings} == {300}
    (broken,) = [one for one in verdict.invariants if one.findings]
    assert broken.findings == 300
