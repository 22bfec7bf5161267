# SPDX-License-Identifier: GPL-2.0-only
"""What eBPF sees of an emulator is what the emulator itself records, event for event, or the run says that it is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.stream import convert_raw
from acceptlab.toolkit.collect.emulator import collect
from acceptlab.toolkit.places import CHECKOUT
from tests.emulator.bare_run import Setup
from tests.toolkit.collect.conftest import Held, wait_for

RING = 1 << 20
BARE = [
    ("snp", "accept_snp", "case_twice", Setup()),
    ("snp", "ends", "case_triple_fault", Setup()),
    ("snp", "vcpus", "case_start", Setup(cpus=2, threads="multi")),
    ("tdx", "accept_tdx", "case_twice", Setup()),
    ("tdx", "ends", "case_triple_fault", Setup()),
    ("tdx", "vcpus", "case_start", Setup(cpus=2, threads="multi")),
]


@pytest.mark.parametrize(("platform", "guest", "case", "setup"), BARE)
def test_events_are_the_emulators_own(
    held: Held, tmp_path: Path, platform: str, guest: str, case: str, setup: Setup
) -> None:
    with held(platform, guest, case, setup) as live:
        done = collect(live, tmp_path / "run", RING, "acceptlab collect")
    own = convert_raw(tmp_path / "own" / "events.raw", tmp_path / "own.parquet")
    assert (done.lost, done.problem, done.events) == (0, None, own.events)
    assert (tmp_path / "run" / "events.parquet").read_bytes() == (
        tmp_path / "own.parquet"
    ).read_bytes()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "events.parquet",
        "run.json",
    ]


@pytest.mark.emulator
def test_lost_events_are_counted_and_no_verdict_is_clean(ebpf: None, tmp_path: Path) -> None:
    """The ring holds 51 records of 80 bytes, and is looked at every 20 ms."""
    command = [
        sys.executable,
        "-m",
        "acceptlab.toolkit",
        "collect",
        "--buffer",
        "4K",
        "--replay",
        "--json",
    ]
    command += ["--out", str(tmp_path / "run"), "--", "debian:6.12", "--platform", "snp"]
    command += ["--memory", "512M", "--firmware-accepts", "minimal", "--out", str(tmp_path / "own")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == 4
    assert answer["lost"] > 0
    assert answer["events"] + answer["lost"] == Run.open(tmp_path / "own").info.events.count
    assert f"{answer['lost']} events were lost" in answer["problem"]
    assert not Run.open(tmp_path / "run").info.events.complete
    assert json.loads((tmp_path / "run" / "verdict.json").read_text())["verdict"] != "clean"


@pytest.mark.long
def test_probes_alone_tell_what_the_stream_would(ebpf: None, tmp_path: Path) -> None:
    """A run without events of its own takes no snapshots; all else is that of the same run with them."""
    run = [
        "debian:6.12",
        "--platform",
        "tdx",
        "--memory",
        "512M",
        "--firmware-accepts",
        "minimal",
        "--out",
    ]
    toolkit = [sys.executable, "-m", "acceptlab.toolkit"]
    collected = [
        "collect",
        "--out",
        str(tmp_path / "run"),
        "--",
        *run,
        str(tmp_path / "own"),
        "--no-events",
    ]
    for words in (collected, ["run", *run, str(tmp_path / "same")]):
        subprocess.run([*toolkit, *words], cwd=CHECKOUT, check=True, capture_output=True)
    alone, same = (
        [
            {name: value for name, value in row.items() if name != "seq"}
            for row in pq.read_table(tmp_path / name / "events.parquet").to_pylist()
            if row["kind"] not in ("bitmap", "end")
        ]
        for name in ("run", "same")
    )
    assert alone == same
    assert {"bitmap", "page-states"} == set(Run.open(tmp_path / "run").info.absent)


def test_late_collector_says_that_it_was_late(held: Held, tmp_path: Path) -> None:
    with held("snp", "ends", "case_loop", Setup()) as live:
        os.kill(live.pid, signal.SIGCONT)
        wait_for("looping", tmp_path / "own" / "console.log")
        os.kill(live.pid, signal.SIGSTOP)
        os.kill(live.pid, signal.SIGTERM)  # the end is an event, once it goes on
        done = collect(live, tmp_path / "run", RING, "acceptlab collect")
    assert done.problem is not None
    assert "attached late" in done.problem
    info = Run.open(tmp_path / "run").info
    assert {"early", "handoff"} <= set(info.absent)
    assert not info.events.complete
