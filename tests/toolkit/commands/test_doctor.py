# SPDX-License-Identifier: GPL-2.0-only
"""doctor tells what is there, what is not, and what to do about it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from acceptlab.toolkit.cli.command_table import all_commands
from acceptlab.toolkit.doctor import checks
from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.command_line import invoke


def test_an_empty_cache_lacks_emulator_and_kernel(own_cache: Path) -> None:
    done = invoke(["doctor", "--json"])
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.exit_code == 3
    assert not found["emulator"]["ok"]
    assert found["emulator"]["remedy"] == "acceptlab setup"
    assert not found["kernels"]["ok"]


def test_every_listed_package_is_checked(own_cache: Path) -> None:
    names = {check.name for check in checks.all_checks()}
    listed = {package for package, _ in checks.wanted_packages()}
    assert listed
    assert listed <= names


def test_a_package_that_is_not_installed_comes_with_its_command(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "wanted_packages", lambda: [("no-such-package-here", "run")])
    check = next(c for c in checks.all_checks() if c.name == "no-such-package-here")
    assert not check.ok
    assert check.remedy == "apt-get install --no-install-recommends no-such-package-here"


def test_a_full_disk_is_seen(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_free_disk", lambda: 1 << 20)
    check = next(c for c in checks.all_checks() if c.name == "disk for the cache")
    assert not check.ok
    assert "XDG_CACHE_HOME" in check.remedy


def test_what_a_check_is_needed_for_is_there() -> None:
    """A command of ours, or a target of the Makefile."""
    targets = re.findall(r"^([\w-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    commands = {command.name for command in all_commands()}
    named = {check.needed_for for check in checks.all_checks()}
    named |= {
        checks._NEEDED_FOR.get(purpose, f"make {purpose}")
        for _, purpose in checks.wanted_packages()
    }
    for one in named:
        word, _, rest = one.partition(" ")
        assert rest in targets if word == "make" else word in commands, one
