# SPDX-License-Identifier: GPL-2.0-only
"""Events that are not in order of their clock decide nothing by their order, and that is said."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Status, Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import Kind, Stage
from acceptlab.analysis.trace.time_order import TimeOrder
from tests.analysis.synthetic import Guest, Records, booted, renumbered


def by_vcpu(records: Records) -> Records:
    """Each vCPU's events behind those of the one before, as per-CPU buffers are saved."""
    guest = records["stage"] != Stage.FIRMWARE
    order = np.lexsort((np.arange(len(records)), records["vcpu"] * guest))
    end = records["kind"][order] == Kind.END
    return renumbered(records[np.concatenate([order[~end], order[end]])])


def saved_twice(records: Records) -> Records:
    return renumbered(np.concatenate([records[:-1], records]))


def back_once(records: Records) -> Records:
    changed = records.copy()
    changed["clock"][-3] = changed["clock"][-4] - 1
    return changed


def all_zero(records: Records) -> Records:
    changed = records.copy()
    changed["clock"] = 0
    return changed


def two_clocks(records: Records) -> Records:
    changed = records.copy()
    changed["clock"][changed["vcpu"] == 1] += np.uint64(1 << 40)
    return changed


SPOILT: dict[str, Callable[[Records], Records]] = {
    "goes back": by_vcpu,
    "from": saved_twice,
    "the clock goes back": back_once,
    "is always 0": all_zero,
    "back from": two_clocks,
}


def accepted_twice() -> Guest:
    """A guest of two vCPUs that accepts a block twice."""
    guest = Guest()
    guest.boot()
    block = next(row for row in reversed(guest.rows) if row[9] == Kind.ACCEPT)
    guest.event(Kind.ACCEPT, block[2], block[3], carry=0)
    guest.end()
    return guest


def verdict(guest: Guest, folder: Path, how: Callable[[Records], Records]) -> Verdict:
    return judge(Run.open(guest.write(folder, how)))


@pytest.mark.parametrize("says", SPOILT)
@pytest.mark.parametrize("guest", [booted, accepted_twice])
def test_a_spoilt_order_is_undecided_and_named(
    guest: Callable[[], Guest], says: str, tmp_path: Path
) -> None:
    found = verdict(guest(), tmp_path, SPOILT[says])
    assert (found.verdict, found.findings) == ("undecided", [])
    assert any(says in reason and "order" in reason for reason in found.reasons)
    assert not [one.name for one in found.invariants if one.status == Status.HOLDS]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_no_shuffle_is_clean_or_a_finding(platform: str, tmp_path: Path) -> None:
    guest, chance = booted(platform=platform), random.Random(3)
    records = guest.records()
    for _ in range(10):
        at, to = chance.sample(range(len(records) - 1), 2)
        order = np.insert(np.delete(np.arange(len(records)), at), to, at)
        found = verdict(guest, tmp_path, lambda _, order=order: renumbered(records[order]))
        assert (found.verdict, found.findings) == ("undecided", []), (at, to)


def test_events_at_one_time_are_in_order() -> None:
    order = TimeOrder()
    kind = np.full(4, Kind.ACCEPT, np.uint8)
    order.follow(0, np.array([1, 1, 2, 2], np.uint64), kind)
    order.follow(4, np.array([2, 3, 3, 9], np.uint64), kind)
    order.finish()
    assert not order.problem


def test_a_clock_that_goes_back_between_two_batches_is_seen() -> None:
    order = TimeOrder()
    kind = np.full(2, Kind.ACCEPT, np.uint8)
    order.follow(0, np.array([1, 5], np.uint64), kind)
    order.follow(2, np.array([4, 6], np.uint64), kind)
    assert "from 5 to 4 at event 2" in order.problem
