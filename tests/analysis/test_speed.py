# SPDX-License-Identifier: GPL-2.0-only
"""Speed and memory on a trace of 64 GiB accepted in 4K pages. Processor time, so load does not count."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.run_folder import EventsInfo, HandOver, Machine, RunInfo, write_run_json
from analysis.stream import convert_raw
from tests.analysis.synthetic import write_large_raw

EVENTS = 17_000_000
JUDGE = """
import resource, sys, time
from analysis.replay import replay_run
start = time.process_time()
verdict = replay_run(sys.argv[1], write=False)
spent = time.process_time() - start
assert verdict.verdict == "clean", verdict.reasons
print(verdict.events / spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    top = write_large_raw(folder / "events.raw", EVENTS)
    start = time.process_time()
    summary = convert_raw(folder / "events.raw", folder / "events.parquet")
    assert EVENTS / (time.process_time() - start) > 2e6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3 << 20
    (folder / "events.raw").unlink()
    unaccepted = ((4 << 30, top - (4 << 30)),)
    info = RunInfo(
        platform="snp",
        clock="instructions",
        outcome="userspace",
        machine=Machine(top, 1, "eager"),
        hand_over=HandOver(((0, top),), ((0, 4 << 30),), unaccepted=unaccepted),
        events=EventsInfo(summary.events, True, None, summary.sha256),
    )
    write_run_json(folder, info)
    return folder


@pytest.mark.long
def test_seventeen_million_events(large: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", JUDGE, str(large)]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    speed, kib = map(float, answer.stdout.split())
    assert speed > 5e6
    assert kib < 8 << 20
