# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmark compares the replay with sees the same events."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import baselines
from tests.analysis.synthetic import ACCEPT_RIP, MIB, UNIT_SIZE, Guest, Kind, booted

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def guest() -> Guest:
    return booted(backing="4K")


def test_trace_cmd_reads_every_event_with_its_fields(guest: Guest, tmp_path: Path) -> None:
    folder = guest.write(tmp_path / "run")
    trace = tmp_path / "trace.dat"
    baselines.write_trace(baselines.EventFile(folder / "events.parquet"), trace)
    report = ["trace-cmd", "report", "-N", "-i", str(trace)]
    text = subprocess.run(report, capture_output=True, text=True, check=True).stdout
    said = [line.split("event:")[1].split() for line in text.splitlines() if "event:" in line]
    records = guest.records()
    names = ("kind", "gpa", "size", "result", "carry")
    expected = np.stack([records[name].astype(np.uint64) for name in names], axis=1)
    told = np.array([[int(word.split("=")[1], 0) for word in line] for line in said], np.uint64)
    assert (told == expected).all()


@pytest.mark.parametrize("twice", [0, 1])
def test_the_loop_finds_pages_accepted_twice(twice: int, tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    for _ in range(twice):
        guest.event(Kind.ACCEPT, guest.layout.low + 16 * MIB, UNIT_SIZE, carry=0, rip=ACCEPT_RIP)
    guest.end()
    folder = guest.write(tmp_path / "run")
    assert pq.read_metadata(folder / "events.parquet").num_rows == len(guest.rows)
    assert baselines.double_accepts(folder / "events.parquet") == twice * 512
