# SPDX-License-Identifier: GPL-2.0-only
"""The engine tells a mutant that is caught from one that survives, hangs, or is none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutation.engine import (
    Attempt,
    End,
    Mutant,
    UnfitError,
    attempt,
    attempt_all,
    load,
    lost_tests,
    process,
    replaced,
    run_tests,
    table,
)


@pytest.mark.parametrize("text", ["", "a a"])
def test_an_edit_fits_in_one_place_or_is_none(text: str) -> None:
    with pytest.raises(UnfitError, match=rf"file\.c: .* {text.count('a')} times"):
        replaced(text, "a", "b", "file.c")


def test_an_edit_that_changes_nothing_is_none() -> None:
    with pytest.raises(UnfitError):
        replaced("a", "a", "a", "file.c")
    assert replaced("xay", "a", "b", "file.c") == "xby"


@pytest.mark.processes
@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("assert False", End.CAUGHT),
        ("pass", End.SURVIVED),
        ("import os; os.abort()", End.UNFIT),
        ("import os; os._exit(1 << 1)", End.UNFIT),
    ],
)
def test_only_a_failed_test_catches(body: str, end: End, tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(f"def test_it():\n    {body}\n")
    assert run_tests("it", [str(file)], {}).end == end


@pytest.mark.processes
@pytest.mark.parametrize("text", ["this is no Python", "import no_such_module", ""])
def test_tests_that_cannot_run_catch_nothing(text: str, tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(text)
    assert run_tests("it", [str(file)], {}).end == End.UNFIT


@pytest.mark.processes
def test_what_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    script = f"mkfifo {pipe}; echo begun; sleep 1000 <> {pipe} & wait"
    code, output = process(["sh", "-c", script], {}, patience=2)
    assert (code, output) == (None, "begun\n")  # the pipe of its output is closed: nobody is left


class Numbers:
    """Mutants that end as their names say."""

    name = "numbers"

    def __init__(self) -> None:
        self.folders: list[Path] = []

    def mutants(self) -> Sequence[Mutant]:
        return [Mutant(end.name, "", "", "") for end in End]

    def misplaced(self) -> list[str]:
        return []

    def attempt(self, name: str, folder: Path) -> Attempt:
        assert folder.is_dir() and not any(folder.iterdir())
        self.folders.append(folder)
        (folder / "made").touch()
        if name == End.UNFIT.name:
            raise UnfitError("no place")
        time.sleep(0.01 * (name == End.CAUGHT.name))  # the first is done last
        return Attempt(name, End[name], f"{name} printed")


def test_results_come_in_order_and_folders_are_gone() -> None:
    subject = Numbers()
    names = [one.name for one in subject.mutants()]
    done = list(attempt_all(subject, names, jobs=4))
    assert [one.mutant for one in done] == names
    assert [one.end for one in done] == list(End)
    assert len(subject.folders) == len(End) and not any(one.exists() for one in subject.folders)
    text = table(done)
    assert text.splitlines()[0] == "1 caught, 1 SURVIVED, 1 HUNG, 1 UNFIT"
    assert "no place" in text and "SURVIVED printed" in text and "CAUGHT printed" not in text
    assert attempt(subject, "CAUGHT").end == End.CAUGHT


def test_lists_are_read_and_lost_tests_are_named(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_text('[[mutant]]\nname = "n"\nfile = "f"\nold = "a"\nnew = "b"\ntests = ["t"]\n')
    assert load(path) == [Mutant("n", "f", "a", "b", ("t",))]
    here = "tests/mutation/test_engine.py"
    known = "test_lists_are_read_and_lost_tests_are_named"
    assert lost_tests([here, f"{here}::{known}[x]"]) == []
    assert lost_tests(["tests/no.py", f"{here}::test_no"]) == [
        "no tests/no.py",
        f"no {here}::test_no",
    ]
