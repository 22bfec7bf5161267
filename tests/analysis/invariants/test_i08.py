# SPDX-License-Identifier: GPL-2.0-only
"""I8: nothing is accepted with the lock held."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.invariants.verdict import Status
from acceptlab.analysis.run.run_info import Probe
from acceptlab.analysis.trace.schema import Kind, Stage
from tests.analysis.invariants.guests import LOCK, LOCK_PROBES, at, finished, replay
from tests.analysis.synthetic import BLOCK, MIB, Guest


@pytest.mark.parametrize("watched", [False, True])
def test_the_lock_of_a_second_kernel_is_another_lock(watched: bool, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("takes", "accepts", "status"),
    [
        (True, True, "holds"),
        (False, True, "not decidable"),
        (False, False, "not applicable"),
    ],
)
def test_a_lock_that_was_never_taken_is_not_decidable(
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
