# SPDX-License-Identifier: GPL-2.0-only
"""The gallery: historical bugs of unaccepted memory, each a patch that undoes a public fix, and what a run has to find."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from acceptlab.toolkit.series.message import Message, read_message
from acceptlab.toolkit.series.series_spec import Spec, read_spec
from tests.mutation.engine import process
from tests.series.changed_kernels import Run, kernel_with, run

HERE = Path(__file__).resolve().parent
BASE_KERNEL = "gallery-base"
LIMIT = ("--time-limit", "1500")
"""Seconds of wall time, for a busy machine; no bug is caught by it."""
EXPLORE = ("--kind", "at-events", "--reductions", "8")
"""Words for `acceptlab explore`: the schedules that reach races of accepts soonest, and a reduction that ends."""
PATIENCE = 4 * 3600.0
"""Seconds of wall time until an exploration is killed."""


@dataclass(frozen=True)
class Bug:
    """A bug: its patch on top of the base, the fix that the patch undoes, the run that shows it, and what that run has to find.

    ``findings`` are all that the verdict may have, as invariant and title; ``function`` is a kernel function that they name, ""
    where the bug's effect is not a function's; ``says`` is a regular expression for the explanation of one of them. With
    ``schedules`` the bug is a race, which `acceptlab explore` has to find in so many schedules at most.
    """

    name: str
    fix: str
    subject: str
    effect: str
    run: tuple[str, ...]
    findings: tuple[tuple[str, str], ...]
    function: str
    says: str
    schedules: int = 0

    @property
    def file(self) -> Path:
        """Return the file of its patch."""
        return HERE / f"{self.name}.patch"

    @property
    def patch(self) -> Message:
        """Return the patch."""
        return read_message(self.file.read_bytes(), self.file.name)

    @property
    def kernel(self) -> str:
        """Return the name of its kernel in the cache."""
        return f"gallery-{self.name}"


@cache
def spec() -> Spec:
    """Return the gallery's base and configuration."""
    return read_spec(HERE / "series.toml")


@cache
def bugs() -> tuple[Bug, ...]:
    """Return the bugs of the list beside this file, in its order."""
    listed: list[dict[str, Any]] = tomllib.loads((HERE / "gallery.toml").read_text())["bug"]
    return tuple(_bug(one) for one in listed)


def _bug(row: dict[str, Any]) -> Bug:
    findings = tuple(tuple(one.split(" ", 1)) for one in row.pop("findings"))
    return Bug(**{**row, "run": tuple(row["run"]), "findings": findings})


def build(bug: Bug | None) -> str:
    """Return the name of the bug's kernel, or of the base's for None, built unless the cache has it."""
    patches = [] if bug is None else [bug.patch]
    return kernel_with(spec(), patches, BASE_KERNEL if bug is None else bug.kernel)


def find(bug: Bug, folder: Path) -> Run:
    """Return the run that shows the bug: the only one, or for a race the one that `acceptlab explore` reduced its first hit to.

    The line that `explore` prints is run again, so that what it shows is what a reader of it gets.
    """
    kernel = build(bug)
    if not bug.schedules:
        return boot(kernel, bug.run, folder / "run")
    sheet = explored(kernel, bug, folder / "explored")
    line = shlex.split(sheet["hits"][0]["reduced"]["reproduce"])
    assert line[:2] == ["acceptlab", "run"] and line[2] == kernel, line
    return run(kernel, folder / "run", line[3:])


def explored(kernel: str, bug: Bug, folder: Path) -> dict[str, Any]:
    """Return explore.json of at most as many schedules of the bug's run as it may take; raises AssertionError without a hit."""
    words = ["explore", kernel, *LIMIT, *bug.run, *EXPLORE, "--schedules", str(bug.schedules)]
    command = [sys.executable, "-m", "acceptlab.toolkit", *words, "--out", str(folder)]
    code, output = process(command, {}, PATIENCE)
    assert code == 1, output
    return dict(json.loads((folder / "explore.json").read_text()))


def boot(kernel: str, words: Sequence[str], folder: Path) -> Run:
    """Boot a kernel with the words of a bug's run, and have it judged."""
    return run(kernel, folder, [*LIMIT, *words])


def found(done: Run) -> set[tuple[str, str]]:
    """Return the findings of a run as invariant and title."""
    return {(one["invariant"], one["title"]) for one in done.findings}


def told(done: Run) -> list[str]:
    """Return the findings of a run as their texts."""
    return [f"{one['title']}: {one['explanation']}" for one in done.findings]


def functions(done: Run) -> set[str]:
    """Return the kernel functions in which the findings say that it happened, and those that called them."""
    symbols = [
        one["evidence"].get(key) for one in done.findings for key in ("symbol", "caller_symbol")
    ]
    return {symbol.split("+")[0] for symbol in symbols if symbol}


def missing(bug: Bug, done: Run) -> list[str]:
    """Return what the run of a bug's kernel should have said and did not, or said besides, a line each; empty when it is right."""
    wanted = set(bug.findings)
    faults = [f"not found: {' '.join(one)}" for one in sorted(wanted - found(done))]
    faults += [f"found besides: {' '.join(one)}" for one in sorted(found(done) - wanted)]
    texts = told(done)
    named = functions(done)
    if bug.function and bug.function not in named:
        faults.append(f"no finding names {bug.function}, but {', '.join(sorted(named)) or 'none'}")
    if not any(re.search(bug.says, text) for text in texts):
        faults.append(f"no finding says {bug.says!r}: {texts}")
    return faults
