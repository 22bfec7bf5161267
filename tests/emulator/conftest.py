# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the emulator's tests.

The emulator is the one that `make setup` built for this checkout. The environment variable ACCEPTLAB_EMULATOR names
another one; the mutation test uses that to try emulators that lack one check each.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Protocol

import pytest

from acceptlab.toolkit.qemu import emulator_build
from tests.emulator.bare_run import BareRun, Setup, boot

OVERRIDE = "ACCEPTLAB_EMULATOR"


class Boot(Protocol):
    """Boots one case of a guest and returns what came of it."""

    def __call__(self, platform: str, guest: str, case: str, setup: Setup = ...) -> BareRun: ...


@pytest.fixture(scope="session")
def emulator() -> Path:
    """Return the emulator's binary; without one the tests fail."""
    named = os.environ.get(OVERRIDE)
    if named:
        binary = Path(named)
        if not binary.is_file():
            pytest.fail(f"{OVERRIDE} names {binary}, which is no file", pytrace=False)
        return binary
    found = emulator_build.find()
    if found is None:
        pytest.fail("there is no emulator for this checkout: run `make setup`", pytrace=False)
    return found.binary


@pytest.fixture(scope="session")
def bare(emulator: Path, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    """Return the function that boots a test guest; tests that ask for the same boot share it."""

    @cache
    def run(platform: str, guest: str, case: str, setup: Setup = Setup()) -> BareRun:  # noqa: B008
        folder = tmp_path_factory.mktemp(f"{platform}-{guest}-{case}")
        return boot(emulator, folder, platform, guest, case, setup)

    return run


@pytest.fixture(params=["snp", "tdx"])
def platform(request: pytest.FixtureRequest) -> str:
    """Run a test for both platforms."""
    return str(request.param)
