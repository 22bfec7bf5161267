# SPDX-License-Identifier: GPL-2.0-only
"""Counts of operations against plain loops over the same records."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from acceptlab.analysis.measure.cost import Cost, measure
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import (
    NO_CARRY,
    PAGE_SIZE,
    STAGE_NAMES,
    UNIT_SIZE,
    Kind,
    Stage,
    label,
)
from tests.analysis.synthetic import Guest, Records, booted


@pytest.fixture(scope="module", params=["2M", "4K"])
def guest(request: pytest.FixtureRequest) -> Guest:
    guest = Guest(backing=request.param, cpus=3)
    guest.boot()
    guest.event(Kind.ACCEPT, guest.layout.low, UNIT_SIZE, carry=1, rip=0x1234, caller=0)
    guest.work()
    guest.event(Kind.RESCIND, guest.layout.low, PAGE_SIZE, carry=NO_CARRY, caller=0x77)
    guest.end()
    return guest


@pytest.fixture
def records(guest: Guest) -> Records:
    return guest.records()


@pytest.fixture
def cost(guest: Guest, tmp_path: Path) -> Cost:
    return measure(Run.open(guest.write(tmp_path / "run")))


def succeeded(record: Records) -> bool:
    return bool(record["result"] == 0 and record["carry"] != 1)


def test_operations_by_kind_stage_and_size(cost: Cost, records: Records) -> None:
    done: Counter[tuple[str, str, str]] = Counter()
    failed: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        size = {PAGE_SIZE: "4K", UNIT_SIZE: "2M"}.get(int(record["size"]), "other")
        key = (label(Kind(record["kind"])), STAGE_NAMES[record["stage"]], size)
        (done if succeeded(record) else failed)[key] += 1
    got = {(one.kind, one.stage, one.size): one for one in cost.operations}
    assert set(got) == set(done) | set(failed)
    assert {key: one.done for key, one in got.items() if one.done} == done
    assert {key: one.failed for key, one in got.items() if one.failed} == failed


def test_accepted_bytes(cost: Cost, records: Records) -> None:
    accepts = [one for one in records if one["kind"] == Kind.ACCEPT and succeeded(one)]
    early = [one for one in accepts if one["stage"] < Stage.USERSPACE]
    assert cost.accepted() == sum(int(one["size"]) for one in accepts)
    assert cost.accepted(before=Stage.USERSPACE) == sum(int(one["size"]) for one in early)
    launched = [one for one in records if one["kind"] == Kind.LAUNCH]
    assert cost.launched == sum(int(one["size"]) for one in launched)


def test_callers(cost: Cost, records: Records) -> None:
    counted: Counter[tuple[str, int, int]] = Counter()
    for one in records:
        if one["kind"] == Kind.ACCEPT and succeeded(one):
            counted[STAGE_NAMES[one["stage"]], int(one["caller"]), int(one["rip"])] += 1
    assert {(one.stage, one.caller, one.rip): one.accepts for one in cost.callers} == counted


def test_the_bins_hold_every_accepted_byte(cost: Cost) -> None:
    assert cost.series is not None
    assert cost.series.accepted.sum() == cost.accepted()
    assert cost.series.area.sum() == cost.accepted()
    assert cost.series.at_handoff.sum() == cost.launched


def test_bytes_are_in_the_bin_of_their_time_and_address(cost: Cost, records: Records) -> None:
    assert cost.series is not None
    accepts = [one for one in records if one["kind"] == Kind.ACCEPT and succeeded(one)]
    last = max(accepts, key=lambda one: int(one["clock"]))
    row = int(last["gpa"]) // cost.series.rows
    filled = cost.series.area[row].nonzero()[0]
    upper = cost.series.clock[filled[-1]]
    lower = cost.series.clock[filled[-1] - 1]
    assert lower <= int(last["clock"]) <= upper


def test_stages_and_what_they_took(cost: Cost, records: Records) -> None:
    begins = {
        STAGE_NAMES[one["detail"]]: int(one["clock"])
        for one in records
        if one["kind"] == Kind.STAGE
    }
    assert cost.stages == begins
    spent = cost.spent()
    assert sum(spent.values()) == int(records["clock"].max()) - min(begins.values())
    assert spent["kernel"] == begins["userspace"] - begins["kernel"]


def test_counts_by_name(tmp_path: Path) -> None:
    cost = measure(Run.open(booted(platform="tdx", backing="4K").write(tmp_path / "run")))
    assert cost.count(Kind.ACCEPT, "2M") == 0
    assert cost.count(Kind.ACCEPT, "4K") == 8 * 512 + 2
    assert cost.failed(Kind.ACCEPT) == 8
