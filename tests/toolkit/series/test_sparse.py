# SPDX-License-Identifier: GPL-2.0-only
"""With which flags sparse reads a file: those of the object, as kbuild keeps them beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.series.checks.sparse import compiled_with, sparse

RECORD = """\
savedcmd_mm/a.o := ccache gcc -Wp,-MMD,mm/.a.o.d -DNAME='"a"' -DCOST='$$1 $(pound)2' -c -o mm/a.o /tree/mm/a.c ; ./objtool mm/a.o

deps_mm/a.o := /tree/mm/a.h
"""


def test_neither_the_compiler_nor_its_output_is_given_to_sparse(tmp_path: Path) -> None:
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm/a.o").touch()
    (tmp_path / "mm/.a.o.cmd").write_text(RECORD)
    assert compiled_with(tmp_path, "mm/a.c") == [
        "-Wp,-MMD,mm/.a.o.d", '-DNAME="a"', "-DCOST=$1 #2", "/tree/mm/a.c",
    ]  # fmt: skip


def test_what_is_not_compiled_is_not_read(tmp_path: Path) -> None:
    assert compiled_with(tmp_path, "mm/a.c") == []


def test_an_object_without_its_record_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.o").touch()
    with pytest.raises(MachineError, match=r"has no \.cmd file"):
        compiled_with(tmp_path, "a.c")


@pytest.mark.parametrize(("answer", "skipped"), [("0", True), ("1", False), (None, False)])
def test_a_sparse_that_the_tree_refuses_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None, skipped: bool
) -> None:
    program = tmp_path / "bin" / "sparse"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho wrong >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    if answer is not None:
        (tmp_path / "scripts").mkdir()
        (tmp_path / "scripts/checker-valid.sh").write_text(f'"$1" x && echo {answer}\n')
    step = sparse(tmp_path, tmp_path, ["a.c"])
    assert (step.skipped, "too old" in step.note, step.problems) == (skipped, skipped, ())
