# SPDX-License-Identifier: GPL-2.0-only
"""Every mutant has its place in today's code, and is caught; without one, the tests that catch them pass."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.mutation.engine import End, Subject, attempt
from tests.mutation.subjects import ANALYSIS, EMULATOR, KERNEL, MODEL, SUBJECTS, TESTED, TRACES

MARKS = {
    EMULATOR.name: [pytest.mark.emulator],
    KERNEL.name: [pytest.mark.emulator, pytest.mark.boots],
}


def params(subjects: Iterable[Subject]) -> list[pytest.ParameterSet]:
    return [pytest.param(one, marks=MARKS.get(one.name, []), id=one.name) for one in subjects]


def mutants() -> list[pytest.ParameterSet]:
    return [
        pytest.param(name, mutant.name, marks=MARKS.get(name, []), id=f"{name}-{mutant.name}")
        for name, subject in SUBJECTS.items()
        for mutant in subject.mutants()
    ]


@pytest.mark.parametrize("subject", params([ANALYSIS, TRACES, MODEL, EMULATOR]))
def test_every_mutant_has_its_place(subject: Subject) -> None:
    assert subject.misplaced() == []


def test_every_mutant_of_the_emulator_s_own_files_has_its_place() -> None:
    """What can be seen where no emulator was ever built."""
    assert EMULATOR.misplaced(ours=True) == []


@pytest.mark.processes
def test_every_mutant_of_the_series_applies() -> None:
    assert KERNEL.misplaced() == []


@pytest.mark.long
@pytest.mark.parametrize("subject", params(TESTED))
def test_without_a_mutant_the_tests_pass(subject: Subject, tmp_path: Path) -> None:
    done = subject.unchanged(tmp_path)
    assert done.end == End.SURVIVED, done.output


@pytest.mark.long
@pytest.mark.parametrize(("name", "mutant"), mutants())
def test_a_mutant_is_caught(name: str, mutant: str) -> None:
    done = attempt(SUBJECTS[name], mutant)
    assert done.end == End.CAUGHT, f"{done.end}: {done.output}"
