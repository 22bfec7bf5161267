# SPDX-License-Identifier: GPL-2.0-only
"""Secondary vCPUs: their start, accepts in parallel, and pages taken away under another vCPU's feet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE
from tests.emulator.bare_run import BareRun, Setup, boot
from tests.emulator.conftest import Boot

TWO = Setup(cpus=2)
AT = FRESH + 3 * PAGE
VMSA = 1 << 16
LOOP = 2 * 60_000_000
"""Instructions of the loop in which the first vCPU leaves another one the time to wait (tests/guests/vcpus.c, ROUNDS)."""
threads = pytest.mark.parametrize(
    "setup", [TWO, Setup(cpus=2, threads="multi")], ids=["icount", "threads"]
)


@threads
def test_snp_vcpu_starts_from_its_save_area(bare: Boot, setup: Setup) -> None:
    run = bare("snp", "vcpus", "case_start", setup)
    assert (run.value("start"), run.value("started")) == (0, 1)
    adjusted, begun = run.only("rmpadjust"), run.only("ap-start")
    assert (adjusted.result, adjusted.detail) == (0, VMSA | 1)
    assert (begun.gpa, begun.detail) == (adjusted.gpa, 1)
    assert begun.seq > adjusted.seq


@threads
def test_tdx_vcpu_leaves_the_mailbox(bare: Boot, setup: Setup) -> None:
    run = bare("tdx", "vcpus", "case_start", setup)
    assert run.value("started") == 1
    begun = run.only("ap-start")
    assert (begun.vcpu, begun.detail, begun.rip) == (1, 1, run.at("ap_start"))


def test_a_vcpu_that_spins_without_pause_leaves_time_to_the_other(
    bare: Boot, platform: str
) -> None:
    assert bare(platform, "vcpus", "case_start_and_spin", TWO).value("started") == 1


def beside(run: BareRun) -> int:
    """Return the guest's instructions between the two accepts that enclose the first vCPU's loop."""
    first, second = run.of("accept")[-2:]
    assert (first.gpa, second.gpa) == (AT, AT + PAGE)
    return second.clock - first.clock


def test_vcpu_that_waits_in_a_mailbox_takes_no_instructions(bare: Boot, platform: str) -> None:
    run = bare(platform, "vcpus", "case_parked", TWO)
    assert LOOP <= beside(run) < LOOP * 1.25
    assert [run.value(name) for name in ("early", "others", "started")] == [0, 0, 1]


def test_vcpu_that_waits_by_loads_takes_no_instructions(bare: Boot, platform: str) -> None:
    run = bare(platform, "vcpus", "case_parked_with_load", TWO)
    assert LOOP <= beside(run) < LOOP * 1.25
    assert [run.value(name) for name in ("early", "started")] == [0, 1]


def test_vcpu_whose_loop_stores_takes_its_turns(bare: Boot, platform: str) -> None:
    run = bare(platform, "vcpus", "case_not_parked", TWO)
    assert beside(run) > LOOP * 1.5
    assert run.value("stored") > LOOP // 10
    assert (run.value("early"), run.value("started")) == (0, 1)


def test_page_that_is_no_save_area_starts_nothing(bare: Boot) -> None:
    run = bare("snp", "vcpus", "case_not_a_save_area", TWO)
    for attempt in ("answer", "again", "no-cpu"):
        assert run.said(attempt) == [{"info1": 2, "info2": 5}], attempt
    assert run.value("started") == 0
    assert run.of("ap-start") == []


@threads
def test_destroyed_vcpu_does_nothing_more(bare: Boot, setup: Setup) -> None:
    run = bare("snp", "vcpus", "case_destroy", setup)
    assert (run.value("counting"), run.value("counted")) == (1, 0)
    refused = {"info1": 2, "info2": 5}  # a vCPU cannot destroy itself, nor one that is not there
    assert run.said("destroy") == [{"info1": 0, "info2": 0}, refused, refused]


@threads
def test_save_area_of_a_vcpu_that_runs_is_not_accessible(bare: Boot, setup: Setup) -> None:
    run = bare("snp", "vcpus", "case_save_area_in_use", setup)
    assert (run.value("start"), run.value("counting"), run.said("read")) == (0, 1, [])
    stop = run.only("stop")
    assert (stop.reason, stop.gpa, stop.vcpu) == ("save-area", run.only("ap-start").gpa, 0)
    assert (stop.access, stop.private, stop.rip) == ("read", True, run.at("at_read64"))


@pytest.mark.parametrize("case", ["case_save_area_of_halted", "case_save_area_of_destroyed"])
def test_save_area_of_a_vcpu_that_does_not_run_is_accessible(bare: Boot, case: str) -> None:
    run = bare("snp", "vcpus", case, TWO)
    assert (run.value("faulted"), run.of("stop")) == (0, [])


@threads
def test_vcpus_accept_side_by_side(bare: Boot, platform: str, setup: Setup) -> None:
    run = bare(platform, "vcpus", "case_accept_in_parallel", setup)
    assert run.value("started") == 2
    assert [run.value(name) for name in ("failures", "wrong", "exceptions")] == [
        0,
        0,
        0,
    ]
    done = {(event.gpa, event.vcpu) for event in run.of("accept") if event.gpa >= FRESH}
    assert done == {(FRESH + page * PAGE, page % 2) for page in range(64)}
    assert [event.seq for event in run.events] == list(range(len(run.events)))
    assert run.events[-1].kind == "end"
    assert run.events[-1].detail == len(run.events) - 1


@threads
def test_rescind_takes_access_away_from_the_other_vcpu(bare: Boot, setup: Setup) -> None:
    run = bare("snp", "vcpus", "case_rescind", setup)
    assert [run.value(name) for name in ("reading", "noticed", "exceptions")] == [
        1,
        1,
        1,
    ]
    fault = run.only("fault")
    assert (fault.vcpu, fault.gpa, fault.rip) == (1, AT, run.at("at_read64"))


@threads
def test_conversion_takes_access_away_from_the_other_vcpu(bare: Boot, setup: Setup) -> None:
    run = bare("tdx", "vcpus", "case_make_shared", setup)
    stop = run.only("stop")
    assert (stop.vcpu, stop.gpa, stop.rip) == (1, AT, run.at("at_read64"))
    assert stop.reason == "not-assigned"
    assert run.report is not None
    assert run.report["vcpu"] == 1


@threads
def test_code_is_taken_away_under_the_other_vcpu(bare: Boot, platform: str, setup: Setup) -> None:
    """Translated code of the page must not go on, however it is chained."""
    run = bare(platform, "vcpus", "case_code_under_feet", setup)
    assert run.value("running") == 1
    [refused] = [*run.of("fault"), *run.of("stop")]
    assert (refused.vcpu, refused.access) == (1, "fetch")
    code = FRESH + 5 * PAGE
    assert refused.gpa == refused.rip
    assert code <= refused.rip < code + PAGE
    if platform == "snp":
        assert run.value("noticed") == 1


def test_two_runs_are_the_same(bare: Boot, platform: str, emulator: Path, tmp_path: Path) -> None:
    first = bare(platform, "vcpus", "case_accept_in_parallel", TWO)
    second = boot(emulator, tmp_path, platform, "vcpus", "case_accept_in_parallel", TWO)
    for name in ("events.raw", "console.log"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
