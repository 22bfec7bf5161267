# SPDX-License-Identifier: GPL-2.0-only
"""Schedules of vCPUs: another order for another seed, the same for the same seed, and none outside of the window."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from acceptlab.toolkit.run.schedule import parse_schedule
from tests.emulator.bare_handoff import FRESH
from tests.emulator.bare_run import BareRun, Setup, boot
from tests.emulator.conftest import Boot

KINDS = ("random:{seed}:64", "pct:{seed}:8@{start}-{end}", "at-events:{seed}:50")
SEEDS = (1, 2, 3, 4)
GUEST, CASE = "vcpus", "case_accept_together"


@pytest.fixture
def times(bare: Boot, platform: str) -> dict[str, int]:
    """Return while what clock both vCPUs accept in round robin, so that few changes of priority fall into that."""
    run = bare(platform, GUEST, CASE, Setup(cpus=2))
    accepts = [event for event in run.of("accept") if event.gpa >= FRESH]
    return {"start": accepts[0].clock, "end": accepts[-1].clock}


def scheduled(text: str) -> Setup:
    schedule = parse_schedule(text)
    assert schedule is not None
    return Setup(cpus=2, properties=(f"schedule={schedule.property_value}",))


def order(run: BareRun) -> tuple[int, ...]:
    """Return which vCPU accepted, in order."""
    return tuple(event.vcpu for event in run.of("accept") if event.gpa >= FRESH)


def switches(run: BareRun) -> int:
    return sum(a != b for a, b in itertools.pairwise(order(run)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_schedule_lets_the_guest_do_its_work(
    bare: Boot, platform: str, kind: str, times: dict[str, int]
) -> None:
    orders = set()
    for seed in SEEDS:
        run = bare(platform, GUEST, CASE, scheduled(kind.format(seed=seed, **times)))
        assert [run.value(name) for name in ("started", "failures", "wrong")] == [2, 0, 0]
        assert run.report is not None
        assert run.report["turns"] > 0
        orders.add(order(run))
    assert len(orders) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_one_schedule_gives_one_run(
    bare: Boot, platform: str, kind: str, times: dict[str, int], emulator: Path, tmp_path: Path
) -> None:
    setup = scheduled(kind.format(seed=1, **times))
    first = bare(platform, GUEST, CASE, setup)
    second = boot(emulator, tmp_path, platform, GUEST, CASE, setup)
    for name in ("events.raw", "console.log", "report.json"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


def test_at_events_the_other_vcpu_runs(bare: Boot, platform: str) -> None:
    plain = bare(platform, GUEST, CASE, Setup(cpus=2))
    run = bare(platform, GUEST, CASE, scheduled("at-events:1:100"))
    assert switches(run) > switches(plain)


def test_outside_of_its_window_a_schedule_changes_nothing(bare: Boot, platform: str) -> None:
    plain = bare(platform, GUEST, CASE, Setup(cpus=2))
    later = bare(platform, GUEST, CASE, scheduled(f"random:1:64@{10**17}-"))
    assert later.events == plain.events
    assert later.report is not None
    assert later.report.pop("turns") == 0
    assert later.report == plain.report


def test_up_to_its_window_a_run_is_that_of_round_robin(bare: Boot, platform: str) -> None:
    plain = bare(platform, GUEST, CASE, Setup(cpus=2))
    start = plain.events[len(plain.events) * 3 // 4].clock
    run = bare(platform, GUEST, CASE, scheduled(f"random:1:64@{start}-"))
    before = [event for event in plain.events if event.clock < start]
    assert run.events[: len(before)] == before
    assert run.events != plain.events


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("random:1:64:0", "NAME:SEED:PARAMETER:FROM:TO expected"),
        ("fair:1:64:0:9", "not 'fair'"),
        ("random:x:64:0:9", "'x' is not a number"),
        ("random:1:31:0:9", "a turn has at least 32"),
        ("pct:1:65:0:9", "depth is at most 64"),
    ],
)
def test_another_schedule_is_refused_in_one_line(bare: Boot, value: str, reason: str) -> None:
    run = bare("snp", GUEST, CASE, Setup(cpus=2, properties=(f"schedule={value}",)))
    assert run.exit_code == 1
    assert reason in run.log
    assert len(run.log.splitlines()) == 1


@pytest.mark.parametrize("kind", ["random:1:16384", "at-events:1:100", "pct:1", "pct:2"])
def test_a_vcpu_that_waits_with_pause_gives_its_turn_away(
    bare: Boot, platform: str, kind: str
) -> None:
    """Both vCPUs wait for each other: a wait that lasts a whole turn would cost up to 2^14 instructions."""
    reports = [
        bare(platform, GUEST, CASE, setup).report for setup in (Setup(cpus=2), scheduled(kind))
    ]
    plain, drawn = (report["instructions"] for report in reports if report)
    assert drawn < plain + (1 << 13)
