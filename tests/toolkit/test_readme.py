# SPDX-License-Identifier: GPL-2.0-only
"""Every command of the README works as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
TOO_HEAVY = {
    "make test": "is what runs this test",
    "make lint": "is run by .ci/run",
    "make demo-series": "builds kernels for minutes; its command runs in tests/toolkit/series/test_demo.py",
    "make bench": "takes an idle machine; its parts are tested in tests/toolkit/test_bench.py",
}
EXPECTED = {"./acceptlab replay first-run": "first-run: clean", "make demo": "report.html"}


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) > 5
    assert set(TOO_HEAVY) <= set(COMMANDS)


@pytest.mark.parametrize("command", sorted(TOO_HEAVY))
def test_what_is_too_heavy_exists(command: str) -> None:
    plan = subprocess.run(
        ["make", "-n", command.split()[1]], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    assert "venv/bin/" in plan or "./acceptlab" in plan


@pytest.mark.boots
@pytest.mark.emulator
def test_the_others_run_in_order(tmp_path: Path) -> None:
    """One test: the later commands use what the earlier ones made."""
    (tmp_path / "acceptlab").symlink_to(CHECKOUT / "acceptlab")
    (tmp_path / "data").symlink_to(CHECKOUT / "data")
    shutil.copy(CHECKOUT / "Makefile", tmp_path)
    for command in COMMANDS:
        if command in TOO_HEAVY:
            continue
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert EXPECTED.get(command, "") in done.stdout, command
    assert (tmp_path / "comparison.html").read_text().lstrip().lower().startswith("<!doctype html")


@pytest.mark.processes
def test_every_option_named_exists() -> None:
    named = set(re.findall(r"`(--[a-z-]+)`", README))
    told = "".join(_help_of(command) for command in ("run", "replay", "batch", "report", "matrix"))
    assert {option for option in named if option not in told} <= {"--install-completion"}


def _help_of(command: str) -> str:
    return subprocess.run(
        [CHECKOUT / "acceptlab", command, "--help"],
        env=os.environ | {"COLUMNS": "200", "TERM": "dumb"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
