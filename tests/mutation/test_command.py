# SPDX-License-Identifier: GPL-2.0-only
"""`python -m tests.mutation`: which mutants it tries, and its exit code."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.mutation import __main__ as command
from tests.mutation.subjects import SUBJECTS


@pytest.mark.parametrize(
    "words",
    [["traces", "i7", "i2-resize", "--jobs", "1"], ["traces", "--jobs", "1", "i7", "i2-resize"]],
)
def test_names_stand_before_or_behind_the_options(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tests.mutation", *words])
    assert command.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[:-1]] == ["i2-resize", "i7-duplicate"]
    assert lines[-1] == "2 caught"


def test_no_mutant_of_that_name_is_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["tests.mutation", "traces", "no-such-mutant"])
    assert command.main() == 1


def test_every_subject_is_in_the_documents() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    assert [name for name in SUBJECTS if f"\n| `{name}` |" not in text] == []
