# SPDX-License-Identifier: GPL-2.0-only
"""Kernels with one thing changed on purpose: built like any series, run by the command that users have."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acceptlab.toolkit.series import base, series_build
from acceptlab.toolkit.series.apply import apply
from acceptlab.toolkit.series.git import git
from acceptlab.toolkit.series.message import Message, read_message
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.series.series_spec import Spec
from tests.mutation.engine import process, replaced

HERE = Path(__file__).resolve().parent
SMALL = ("--memory", "2G", "--firmware-accepts", "minimal")
_PATIENCE = 1800.0
"""Seconds of wall time until a run is killed that its own time limit did not end."""


@dataclass(frozen=True)
class Run:
    """What `acceptlab run --replay` of a changed kernel came to."""

    folder: Path
    exit_code: int
    output: str

    @property
    def info(self) -> dict[str, Any]:
        """Return run.json."""
        return dict(json.loads((self.folder / "run.json").read_text()))

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Return the verdict's findings."""
        return list(json.loads((self.folder / "verdict.json").read_text())["findings"])

    @property
    def console(self) -> str:
        """Return what the guest printed."""
        return (self.folder / "console.log").read_text(errors="replace")


def edit(spec: Spec, file: str, old: str, new: str) -> Message:
    """Return a patch that replaces a text, which the base has in one place of the file."""
    at = base.ensure(spec.base)
    before = git(at.repository, "show", f"{at.commit}:{file}")
    after = replaced(before, old, new, file)
    lines = (text.splitlines(keepends=True) for text in (before, after))
    diff = "".join(difflib.unified_diff(*lines, f"a/{file}", f"b/{file}"))
    head = f"From: acceptlab <acceptlab@localhost>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nSubject: [PATCH] Break {file}\n\n---\n"
    return read_message((head + diff).encode(), "edit.patch")


def kernel_with(spec: Spec, patches: Sequence[Message], name: str) -> str:
    """Build the spec's base with these patches into a kernel called `name`; return the name."""
    series = Series(replace(spec, name=name), tuple(patches), None, name)
    applied = apply(series, base.ensure(spec.base))
    return series_build.ensure(applied, len(patches)).kernel.name


def run(kernel: str, folder: Path, words: Sequence[str]) -> Run:
    """Boot the kernel and have the run judged."""
    command = [
        sys.executable,
        "-m",
        "acceptlab.toolkit",
        "run",
        kernel,
        *words,
        "--replay",
        "--out",
        str(folder),
    ]
    code, output = process(command, {}, _PATIENCE)
    assert code is not None and (folder / "run.json").is_file(), output
    return Run(folder, code, output)
