# SPDX-License-Identifier: GPL-2.0-only
"""An emulator that waits before its first event, for whoever attaches to its probes."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from acceptlab.toolkit.collect import emulators
from acceptlab.toolkit.errors import BadInputError
from tests.emulator.bare_run import Setup, boot

_PATIENCE = 20.0
"""Seconds until the emulator has stopped itself."""


def held(folder: Path) -> emulators.LiveEmulator:
    """Return the emulator of a run, once it has stopped itself."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            found = emulators.of_run(folder)
        except BadInputError:
            found = None
        if found and found.is_held:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_held_emulator_has_no_event_before_it_is_let_go(
    emulator: Path, tmp_path: Path, platform: str
) -> None:
    setup = Setup(properties=("hold=on",))
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(boot, emulator, tmp_path, platform, "ends", "case_power_off", setup)
        found = held(tmp_path)
        size = (tmp_path / "events.raw").stat().st_size
        os.kill(found.pid, signal.SIGCONT)
        run = coming.result()
    assert (size, found.platform, found.cpus, found.clock) == (0, platform, 1, "instructions")
    assert (run.events[0].kind, run.events[-1].kind) == ("ram", "end")
