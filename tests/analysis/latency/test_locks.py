# SPDX-License-Identifier: GPL-2.0-only
"""Holds, waits and convoys of hand-made calls of lock functions."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.measure.latency.locks import Convoys, LockUse, LockWatch, convoys_of
from acceptlab.analysis.measure.latency.probed_calls import Calls
from acceptlab.analysis.run.run_info import Probe, RunInfo

ADDRESS = 0xFFFFFFFF82000000
NAMES = ("my_lock", "_raw_spin_lock", "_raw_spin_unlock")
INFO = RunInfo(
    platform="tdx",
    clock="ns",
    outcome="userspace",
    probes=tuple(Probe(name, ADDRESS if name == "my_lock" else 64) for name in NAMES),
)
Call = tuple[int, int, int, int]
"""(probe, vCPU, begin, end)"""


def calls(*rows: Call, lock: int = ADDRESS) -> Calls:
    count = len(rows)
    columns = np.array(sorted(rows, key=lambda row: row[3]), np.int64).reshape(count, 4)
    zeros = np.zeros(count, np.uint64)
    begin, end = columns[:, 2].astype(np.uint64), columns[:, 3].astype(np.uint64)
    argument = np.full(count, lock, np.uint64)
    small = np.zeros(count, np.uint8)
    return Calls(
        columns[:, 0], columns[:, 1], begin, end, zeros, small, zeros, argument, zeros, zeros, zeros, small
    )  # fmt: skip


def use_of(*batches: Calls) -> LockUse:
    watch = LockWatch(INFO)
    for batch in batches:
        watch.add(batch)
    (use,) = watch.uses()
    return use


# vCPU 0 holds from 10 to 50; 1 waits from 20 and holds from 60 to 70; 2 waits from 30, holds from 80 to 90.
CONTENDED = [(1, 0, 5, 10), (2, 0, 50, 52), (1, 1, 20, 60), (2, 1, 70, 71), (1, 2, 30, 80), (2, 2, 90, 92)]  # fmt: skip


def test_holds_and_waits() -> None:
    use = use_of(calls(*CONTENDED))
    assert (use.name, use.taken) == ("my_lock", 3)
    assert use.hold is not None and (use.hold.total, use.hold.max) == (40 + 10 + 10, 40)
    assert use.wait is not None and (use.wait.total, use.wait.max) == (5 + 40 + 50, 50)


def test_only_waits_for_another_are_contended() -> None:
    use = use_of(calls(*CONTENDED))
    assert use.contended is not None and (use.contended.count, use.contended.total) == (2, 90)


def test_a_convoy_lasts_as_long_as_somebody_waits() -> None:
    assert use_of(calls(*CONTENDED)).convoys == Convoys(1, 2, 60, 90)


def test_a_lock_taken_in_one_batch_may_be_released_in_another() -> None:
    halves = [calls(*(one for one in CONTENDED if low <= one[3] < high)) for low, high in ((0, 61), (61, 99))]  # fmt: skip
    assert use_of(*halves) == use_of(calls(*CONTENDED))


def test_two_locks_are_two() -> None:
    watch = LockWatch(INFO)
    watch.add(calls((1, 0, 5, 10), (2, 0, 20, 21)))
    watch.add(calls((1, 0, 30, 31), (2, 0, 40, 41), lock=ADDRESS + 64))
    assert [use.taken for use in watch.uses()] == [1, 1]


def test_one_after_the_other_is_no_convoy() -> None:
    begin, end = np.array([1, 5, 9], np.uint64), np.array([5, 9, 12], np.uint64)
    assert convoys_of(begin, end) == Convoys()


def test_two_convoys_are_told_apart() -> None:
    begin, end = np.array([1, 2, 20, 22, 23], np.uint64), np.array([5, 9, 30, 25, 40], np.uint64)
    found = convoys_of(begin, end)
    assert found == Convoys(2, 3, 20, (4 + 7) + (10 + 3 + 17))
