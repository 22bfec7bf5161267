# SPDX-License-Identifier: GPL-2.0-only
"""A run that is interrupted, killed, or out of disk: in a process of its own, as a user would have it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit import toy

pytestmark = pytest.mark.processes

_MAIN = """
import resource, signal, sys
from pathlib import Path
from tests.toolkit import toy
from acceptlab.toolkit.cli import app
from acceptlab.toolkit.cli import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits it ignored
folder, mode, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
emulator = toy.make_emulator(folder, mode)
run.emulator_build.ensure = lambda: emulator
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.argv = ["acceptlab", "run", str(folder / "bzImage"), "--memory", "256M", "--out", str(folder / "run")]
app.main()
"""


def start(tmp_path: Path, cache: Path, mode: str, file_limit: int = 0) -> subprocess.Popen[str]:
    toy.make_kernel(tmp_path)
    return subprocess.Popen(
        [sys.executable, "-c", _MAIN, str(tmp_path), mode, str(file_limit)],
        cwd=CHECKOUT,
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.05)


def emulators(tmp_path: Path) -> list[int]:
    """Return the ids of the toy emulators of this test that are alive."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(str(tmp_path / "toy-").encode()) for word in words):
            found.append(int(process.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_recorded_and_leaves_no_process(
    tmp_path: Path, own_cache: Path, number: signal.Signals
) -> None:
    process = start(tmp_path, own_cache, "hang")
    wait_for(tmp_path / "run" / "started")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("acceptlab: interrupted")
    assert out.splitlines()[-1] == str(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["outcome"] == "killed"
    assert emulators(tmp_path) == []


def test_the_emulator_does_not_outlive_a_toolkit_that_is_killed(
    tmp_path: Path, own_cache: Path
) -> None:
    process = start(tmp_path, own_cache, "deaf")
    wait_for(tmp_path / "run" / "started")
    assert len(emulators(tmp_path)) == 1
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 10
    while emulators(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert emulators(tmp_path) == []


@pytest.mark.parametrize("limit", [4 << 20, 16 << 10])
def test_no_room_is_one_line_and_exit_3_and_leaves_nothing(
    tmp_path: Path, own_cache: Path, limit: int
) -> None:
    """A limit on file sizes stands in for a full disk: for the emulator's events, and for the boot handoff before it."""
    process = start(tmp_path, own_cache, "full", limit)
    _, err = process.communicate(timeout=60)
    errors = [line for line in err.splitlines() if line.startswith("acceptlab: ")]
    assert process.returncode == 3, err
    assert len(errors) == 1
    assert "disk" in errors[0] or "too large" in errors[0]
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()
