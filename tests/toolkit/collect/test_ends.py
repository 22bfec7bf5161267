# SPDX-License-Identifier: GPL-2.0-only
"""Whatever ends a collector, at whatever moment: a readable run that says it is incomplete, and no probe, process or ring behind."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.collect import emulators, usdt
from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.collect.conftest import Held, wait_for

NOP, INT3 = b"\x90", b"\xcc"
"""What stands at a probe (systemtap's sys/sdt.h), and what the kernel puts there while somebody is attached."""
TRACEFS = Path("/sys/kernel/tracing/uprobe_events")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


def at_probes(live: emulators.LiveEmulator) -> set[tuple[bytes, int]]:
    """Return the instructions that are now at the emulator's probes, with the probes' semaphores."""
    mapped = [
        (int(start, 16), int(end, 16), int(offset, 16))
        for start, end, offset, path in re.findall(
            r"^(\w+)-(\w+) \S+ (\w+) \S+ \d+ +(.*)$",
            Path(f"/proc/{live.pid}/maps").read_text(),
            re.M,
        )
        if path == str(live.binary)
    ]
    with Path(f"/proc/{live.pid}/mem").open("rb", buffering=0) as memory:

        def read(place: int, size: int) -> bytes:
            start = next(s + place - o for s, e, o in mapped if o <= place < o + e - s)
            memory.seek(start)
            return memory.read(size)

        return {
            (read(site.offset, 1), int.from_bytes(read(site.semaphore, 2), "little"))
            for site in usdt.sites(live.binary)
        }


def start_collector(out: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "acceptlab.toolkit", "collect", *words, "--out", str(out)],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_until(condition: object, what: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize("number", SIGNALS)
def test_emulator_that_goes_on_has_no_probe_left(
    held: Held, tmp_path: Path, number: signal.Signals
) -> None:
    with held("snp", "ends", "case_loop") as live:
        try:
            collector = start_collector(tmp_path / "run", "--emulator", str(live.pid))
            wait_for("looping", tmp_path / "own" / "console.log")
            attached = at_probes(live)
            collector.send_signal(number)
            _, err = collector.communicate(timeout=60)
            left = at_probes(live)
        finally:
            os.kill(live.pid, signal.SIGKILL)
    assert (attached, left) == ({(INT3, 1)}, {(NOP, 0)})
    assert collector.returncode == (-9 if number == signal.SIGKILL else 130), err
    run = Run.open(tmp_path / "run")
    assert not run.info.events.complete
    assert run.info.source == "ebpf"
    assert replay_run(tmp_path / "run").verdict == "undecided"
    assert not TRACEFS.exists() or "acceptlab" not in TRACEFS.read_text()


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 24))]
)
def test_killed_at_any_moment(ebpf: None, tmp_path: Path, seed: int) -> None:
    """A run that was started to be collected ends with its collector, wherever that was."""
    chance = random.Random(seed)
    number, out, own = SIGNALS[seed % 3], tmp_path / "run", tmp_path / "own"
    collector = start_collector(
        out, "--", "debian:6.12", "--platform", "snp", "--memory", "512M", "--firmware-accepts", "minimal",
        "--out", str(own),
    )  # fmt: skip
    time.sleep(chance.uniform(0, 12))
    collector.send_signal(number)
    collector.communicate(timeout=120)

    def is_alone() -> bool:
        return not any(live.folder == own for live in emulators.running())

    wait_until(is_alone, "the emulator outlives its collector")
    if (out / "run.json").exists():
        verdict = replay_run(out, write=False).verdict
        complete = Run.open(out).info.events.complete
        assert complete or verdict == "undecided"
        assert complete <= (collector.returncode in (0, 1, 4))
    else:
        assert not out.exists() or {path.name for path in out.iterdir()} <= {
            ".running", "events.raw", "events.parquet",
        }  # fmt: skip
