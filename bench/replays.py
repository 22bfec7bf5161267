# SPDX-License-Identifier: GPL-2.0-only
"""Speed and memory of the replay, on the trace of a 64 GiB guest that accepts all of it eagerly in 4 KiB pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from toolkit.emulator.build import Emulator
from toolkit.errors import MachineError
from toolkit.kernels.resolve import Kernel
from toolkit.places import cache
from toolkit.progress import step
from toolkit.run.options import RunOptions
from toolkit.run.perform import perform


@dataclass(frozen=True)
class Result:
    """One replay: events, wall time in seconds, peak resident memory in bytes, and the verdict."""

    events: int
    seconds: float
    peak: int
    verdict: str

    @property
    def per_second(self) -> float:
        """Return events per second of wall time, reading and writing files included."""
        return self.events / self.seconds


def big_trace(kernel: Kernel, emulator: Emulator) -> Path:
    """Return the run whose trace is replayed, recorded first if the cache has none of this kernel and emulator."""
    folder = cache() / "bench" / f"64g-eager-4k-{emulator.key}-{kernel.sha256[:12]}"
    if not (folder / "run.json").exists():
        options = RunOptions(
            kernel.name, memory="64G", accept="eager", host_backing="4K", time_limit=3000.0
        )
        finished = perform(options, kernel, emulator, folder, keep_hand_over=False)
        if finished.outcome.word != "userspace":
            raise MachineError(f"the guest did not reach userspace: {finished.outcome}")
    return folder


def replay(run: Path) -> Result:
    """Replay a run in a process of its own and measure it."""
    events = int(json.loads((run / "run.json").read_text())["events"]["count"])
    with step(f"replaying {events:,} events"):
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "toolkit", "replay", str(run)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) > 1:
        raise MachineError(f"the replay of {run} failed: acceptlab replay {run}")
    verdict = str(json.loads((run / "verdict.json").read_text())["verdict"])
    return Result(events, seconds, usage.ru_maxrss * 1024, verdict)
