# SPDX-License-Identifier: GPL-2.0-only
"""Removing any single check from the emulator makes a test fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptlab.toolkit.qemu.emulator_build import BINARY
from tests.emulator import mutation
from tests.emulator.mutation import Mutant, mutants, run_tests

ALL = mutants()
TESTS_FAILED = 1
"""pytest's exit code; 2 to 5 are errors of ours: interrupted, internal, usage, nothing collected."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder for one mutant, gone afterwards: each takes some 10 MB."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_names_are_unique() -> None:
    assert len({mutant.name for mutant in ALL}) == len(ALL)


@pytest.mark.parametrize("mutant", ALL, ids=[mutant.name for mutant in ALL])
def test_place_is_there_once(mutant: Mutant) -> None:
    assert mutation.tree().mutated(mutant) != mutation.tree().source(mutant)
    for test in mutant.tests:
        file, _, function = test.partition("::")
        text = (mutation.HERE / file).read_text()
        assert not function or f"def {function.partition('[')[0]}(" in text, f"no {test}"


@pytest.mark.long
def test_their_tests_pass_without_mutation() -> None:
    tests = tuple(sorted({test for mutant in ALL for test in mutant.tests}))
    done = run_tests(tests, mutation.tree().objects / BINARY)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.long
@pytest.mark.parametrize("mutant", ALL, ids=[mutant.name for mutant in ALL])
def test_mutant_is_caught(mutant: Mutant, folder: Path) -> None:
    emulator = mutation.tree().build(mutant, folder)
    done = run_tests(mutant.tests, emulator)
    assert done.returncode == TESTS_FAILED, f"{mutant.name} survives:\n{done.stdout[-1500:]}"
