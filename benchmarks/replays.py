# SPDX-License-Identifier: GPL-2.0-only
"""Speed and memory of the replay: on the recorded trace of a 64 GiB guest, and on synthetic ones of any size."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.emulator_run import perform
from acceptlab.toolkit.run.new_folder import is_running
from acceptlab.toolkit.run.options import RunOptions
from benchmarks import synthesis
from benchmarks.baselines import BaselineTimes, compare
from benchmarks.judged import Judged, judge

PEERS_SIZE = 64
"""GiB: 16.8 million events."""
ROUNDS = 3


def big_trace(kernel: Kernel, emulator: Emulator) -> Path:
    """Return the run whose trace is replayed, recorded first if the cache has none of this kernel and emulator."""
    folder = cache() / "bench" / f"64g-eager-4k-{emulator.key}-{kernel.sha256[:12]}"
    if not (folder / "run.json").exists():
        if not is_running(folder):
            shutil.rmtree(folder, ignore_errors=True)  # of a bench that was killed
        options = RunOptions(
            kernel.name, memory="64G", accept="eager", host_backing="4K", time_limit=3000.0
        )
        finished = perform(options, kernel, emulator, folder, keep_handoff=False)
        if finished.outcome.word != "userspace":
            raise MachineError(f"the guest did not reach userspace: {finished.outcome}")
    return folder


@dataclass(frozen=True)
class Scale:
    """Replays of synthetic traces by GiB accepted in 4K pages, and of one of them how others look at it."""

    judged: dict[int, Judged]
    peers: BaselineTimes

    @property
    def growth(self) -> float:
        """Return the time per event of the largest trace by that of the smallest."""
        return self.judged[max(self.judged)].nanoseconds / self.judged[min(self.judged)].nanoseconds


def at_scale(sizes: Sequence[int]) -> Scale:
    """Write, judge and remove a trace for each of `sizes` (GiB), and look at that of `PEERS_SIZE` with other tools too."""
    judged = {}
    for gib in sorted({*sizes, PEERS_SIZE}):
        with tempfile.TemporaryDirectory(prefix="acceptlab-bench-") as scratch:
            synthesis.write_run(Path(scratch), gib)
            with step(f"judging the events of {gib} GiB"):
                judged[gib] = judge(Path(scratch), rounds=ROUNDS if gib <= PEERS_SIZE else 1)
            if gib == PEERS_SIZE:
                peers = compare(Path(scratch), Path(scratch))
    return Scale(judged, peers)
