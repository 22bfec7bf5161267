# SPDX-License-Identifier: GPL-2.0-only
"""I8: who holds the lock is known across the borders of batches, for each vCPU and for that lock alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_info import Probe
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind
from tests.analysis.synthetic import MIB, Guest

LOCK = 0xFFFFFFFF82000040
PROBES = ("unaccepted_memory_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore")
TAKE, RELEASE = 1, 2

Act = tuple[str, int]


@pytest.mark.parametrize(
    ("acts", "accused"),
    [
        ((("take", 0), ("cut", 0), ("accept", 0), ("release", 0)), [0]),
        # A batch in which the vCPU does nothing, and one in which it only accepts.
        ((("take", 0), ("cut", 0), ("accept", 1), ("cut", 0), ("accept", 0)), [0]),
        ((("take", 0), ("cut", 0), ("accept", 0), ("cut", 0), ("accept", 0)), [0, 0]),
        ((("take", 0), ("cut", 0), ("release", 0), ("cut", 0), ("accept", 0)), []),
        ((("take", 0), ("release", 0), ("cut", 0), ("accept", 0)), []),
        ((("take", 0), ("release", 0), ("accept", 0)), []),
        ((("take", 0), ("cut", 0), ("release", 0), ("accept", 0)), []),
        # vCPU 1 accepts while vCPU 0 has the lock, which is as it should be.
        ((("take", 0), ("accept", 1), ("cut", 0), ("accept", 1), ("release", 0)), []),
        ((("take", 0), ("cut", 0), ("accept", 1), ("accept", 0)), [0]),
        # Another lock of the kernel.
        ((("take", 0), ("release", 0), ("other", 0), ("cut", 0), ("accept", 0)), []),
    ],
)  # fmt: skip
def test_whoever_accepts_with_the_lock_is_found(
    acts: tuple[Act, ...], accused: list[int], tmp_path: Path
) -> None:
    guest = Guest(probes=PROBES)
    guest.boot()
    unit = 20
    for act, vcpu in acts:
        if act == "cut":
            guest.snapshot("between")
        elif act == "accept":
            guest.accept_unit(guest.layout.low + unit * UNIT_SIZE, vcpu)
            guest.bits[unit] = False
            unit += 1
        else:
            lock = LOCK + 8 * MIB if act == "other" else LOCK
            guest.event(
                Kind.PROBE_ENTER, lock, detail=RELEASE if act == "release" else TAKE, vcpu=vcpu
            )
    if acts[-1][0] != "release":
        guest.event(Kind.PROBE_ENTER, LOCK, detail=RELEASE)
    guest.end()
    probes = tuple(Probe(name, LOCK) for name in PROBES)
    verdict = replay_run(guest.write(tmp_path / "run", probes=probes))
    mine = [one for one in verdict.findings if one.invariant == "I8"]
    assert [one.evidence["vcpu"] for one in mine] == accused
