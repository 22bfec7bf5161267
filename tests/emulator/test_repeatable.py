# SPDX-License-Identifier: GPL-2.0-only
"""The same guest leaves the same trace, whatever the host does to the emulator meanwhile."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.toolkit.collect import emulators
from acceptlab.toolkit.errors import BadInputError
from tests.emulator.bare_run import BareRun, Setup, boot

HERE = Path(__file__).resolve().parent
GUEST, CASE = "ends", "case_power_off_after_work"
PATIENCE = 20.0
"""Seconds until the guest computes."""
LONGEST = 0.02
"""Seconds that the emulator is stopped, or runs, at a time."""


def wait_until_busy(folder: Path) -> None:
    """Return when the guest computes and does nothing else any more."""
    deadline = time.monotonic() + PATIENCE
    console = folder / "console.log"
    while not (console.exists() and b"busy" in console.read_bytes()):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def boot_disturbed(
    emulator: Path,
    folder: Path,
    platform: str,
    disturb: Callable[[Path], None],
    given: Setup | None = None,
) -> BareRun:
    """Boot the guest; `disturb` is called while it computes."""
    setup = replace(given or Setup(), devices=("-qmp", f"unix:{folder}/qmp,server=on,wait=off"))
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(boot, emulator, folder, platform, GUEST, CASE, setup)
        wait_until_busy(folder)
        disturb(folder)
        return coming.result()


def commands(folder: Path, *texts: str) -> list[str]:
    """Give QMP commands to the emulator; return its answers."""
    answers = []
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(folder / "qmp"))
        lines = monitor.makefile("rw")
        lines.readline()
        for text in ('{"execute": "qmp_capabilities"}', *texts):
            lines.write(text + "\n")
            lines.flush()
            answers.append(
                next(line for line in lines if "return" in line or "error" in line)
            )  # others are events
    return answers[1:]


def pause(folder: Path) -> None:
    """Pause the machine and let it go on: the vCPU leaves the guest's code where it just is."""
    commands(folder, '{"execute": "stop"}', '{"execute": "cont"}')


def stop_and_continue(folder: Path) -> None:
    """Stop the emulator and let it go on, at random, until it ends."""
    chance = random.Random(folder.name)
    process = emulators.of_run(folder).pid
    while True:
        try:
            os.kill(process, signal.SIGSTOP)
            time.sleep(chance.uniform(0, LONGEST))
            os.kill(process, signal.SIGCONT)
            time.sleep(chance.uniform(0, LONGEST))
            emulators.of_run(folder)
        except (ProcessLookupError, BadInputError):
            return


@pytest.mark.parametrize("disturb", [pause, stop_and_continue])
def test_a_disturbed_run_leaves_the_same_trace(
    emulator: Path, tmp_path: Path, platform: str, disturb: Callable[[Path], None]
) -> None:
    runs = []
    for name, how in (("alone", lambda folder: None), ("first", disturb), ("second", disturb)):
        folder = tmp_path / name
        folder.mkdir()
        runs.append(boot_disturbed(emulator, folder, platform, how))
    alone, *disturbed = runs
    assert alone.outcome == "shutdown"
    for run in disturbed:
        assert run.events == alone.events
        assert run.report == alone.report


@pytest.fixture
def slow_unlock(tmp_path: Path) -> Path:
    """Return a library that makes vCPUs wait whenever they have released a lock."""
    library = tmp_path / "slow_unlock.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library)]
    subprocess.run([*command, str(HERE / "slow_unlock.c")], check=True)
    return library


def test_the_main_loop_does_not_forestall_the_end(
    emulator: Path,
    tmp_path: Path,
    platform: str,
    slow_unlock: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The vCPU that switched the machine off ends the run, not the main loop, which has the request as well."""
    runs = []
    for name in ("alone", "slow"):
        folder = tmp_path / name
        folder.mkdir()
        runs.append(boot(emulator, folder, platform, GUEST, "case_power_off", Setup()))
        monkeypatch.setenv("LD_PRELOAD", str(slow_unlock))
    alone, slow = runs
    assert alone.outcome == "shutdown"
    assert slow.events == alone.events
    assert slow.report == alone.report
