# SPDX-License-Identifier: GPL-2.0-only
"""Emulators that are collected while they run. Where this machine does not permit eBPF, the tests say why they did not run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.toolkit.collect import emulators, permission
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.qemu import emulator_build
from tests.emulator.bare_run import Setup, boot

_PATIENCE = 60.0
"""Seconds until an emulator has stopped itself, on a machine that does other things as well."""
Held = Callable[..., AbstractContextManager[emulators.LiveEmulator]]


@pytest.fixture(scope="session")
def ebpf() -> None:
    """Let a test run only where a process may be probed by eBPF."""
    problems = permission.against_uprobes()
    if problems:
        pytest.skip(f"eBPF is not permitted here: {problems[0]}")


@pytest.fixture
def held(ebpf: None, tmp_path: Path) -> Held:
    """Return the function that starts a bare guest, held before its first event, in tmp_path/own."""
    found = emulator_build.find()
    if found is None:
        pytest.fail("there is no emulator for this checkout: run `make setup`", pytrace=False)

    @contextmanager
    def start(
        platform: str,
        guest: str,
        case: str,
        setup: Setup = Setup(),  # noqa: B008
    ) -> Iterator[emulators.LiveEmulator]:
        folder = tmp_path / "own"
        folder.mkdir()
        properties = (*setup.properties, "hold=on")
        setup = replace(setup, properties=properties, time_limit=_PATIENCE)
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(boot, found.binary, folder, platform, guest, case, setup)
            yield _wait(folder)
            done.result()

    return start


def _wait(folder: Path) -> emulators.LiveEmulator:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            live = emulators.of_run(folder)
        except BadInputError:
            live = None
        if live and live.is_held:
            return live
        time.sleep(0.05)
    pytest.fail("the emulator did not stop itself")


def wait_for(text: str, path: Path) -> None:
    """Wait until a file is there and has this text."""
    deadline = time.monotonic() + _PATIENCE
    while not (path.exists() and text in path.read_text(errors="replace")):
        assert time.monotonic() < deadline, f"{path} does not say '{text}'"
        time.sleep(0.05)
