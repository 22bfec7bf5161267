# SPDX-License-Identifier: GPL-2.0-only
"""What a test uses is in its markers: without `emulator` it finds no emulator, nor do the processes that it starts; nor is one a Python."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.qemu import emulator_build
from tests.conftest import FOLDERS, pytest_ignore_collect
from tests.peak_memory import child_environment

_FIND = "from acceptlab.toolkit.qemu import emulator_build; print(emulator_build.find())"


def test_without_the_marker_there_is_no_emulator() -> None:
    assert emulator_build.find() is None
    with pytest.raises((OSError, AcceptlabError)):
        emulator_build.ensure()


@pytest.mark.processes
def test_a_child_of_a_test_without_the_marker_finds_no_emulator() -> None:
    child = [sys.executable, "-c", _FIND]
    done = subprocess.run(
        child, env=child_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


@pytest.mark.emulator
def test_with_the_marker_there_is_the_emulator_of_this_checkout() -> None:
    found = emulator_build.find()
    assert found is not None and found.binary.is_file()


@pytest.mark.parametrize("words", [[sys.executable, "-c", "pass"], [CHECKOUT / "acceptlab"]])
def test_without_a_marker_no_python_is_started(words: list[str]) -> None:
    with pytest.raises(pytest.fail.Exception, match="has no marker `processes`"):
        subprocess.run(words, check=True)
    subprocess.run(["true"], check=True)


@pytest.mark.processes
def test_with_the_marker_it_is() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def test_what_boots_uses_the_emulator() -> None:
    assert all("emulator" in names for names in FOLDERS.values() if "boots" in names)


def test_a_folder_s_markers_are_declared(pytestconfig: pytest.Config) -> None:
    declared = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert {name for names in FOLDERS.values() for name in names} <= declared


@pytest.mark.parametrize(
    ("expression", "folder", "left_out"),
    [
        ("not (emulator or long)", "tests/boots", True),
        ("not (boots)", "tests/boots", True),
        ("not (emulator or boots or processes or long)", "tests/toolkit/collect", True),
        ("not (emulator or long)", "tests/toolkit/collect", None),
        ("not (emulator or long)", "tests/analysis", None),
        ("not (long) or boots", "tests/boots", None),
        ("not (long and emulator)", "tests/boots", None),
        ("not long", "tests/boots", None),
        ("emulator", "tests/boots", None),
        ("", "tests/boots", None),
    ],
)
def test_a_folder_is_loaded_unless_no_test_of_it_is_chosen(
    expression: str, folder: str, left_out: bool | None
) -> None:
    config = SimpleNamespace(option=SimpleNamespace(markexpr=expression))
    found = pytest_ignore_collect(CHECKOUT / folder, config)  # type: ignore[arg-type]
    assert found is left_out
