# SPDX-License-Identifier: GPL-2.0-only
"""A series of ours with one mistake each: a run of the kernel has to show it, and name its cause."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.apply import apply, scratch_worktree
from acceptlab.toolkit.series.bundled import path_of, reference
from acceptlab.toolkit.series.checks.console_check import scan
from acceptlab.toolkit.series.git import GitError, git
from acceptlab.toolkit.series.message import Message, read_message
from acceptlab.toolkit.series.series_source import Series, read_series
from tests.mutation.engine import Attempt, End, faults_of
from tests.series.changed_kernels import SMALL, Run, kernel_with, run

HERE = Path(__file__).resolve().parent
LIMIT = ("--time-limit", "300")
"""Seconds of wall time, for a busy machine; no mutant is caught by it."""


@dataclass(frozen=True)
class KernelMutant:
    """A mistake: its patch on top of a series, the run that shows it, and what that run has to say.

    `invariant` is the one whose finding names the cause, "" where that is in the run's reason, or a line of the console that
    `series check` takes exception to; `says` is a regular expression for it. `sound` is one for what the series itself says in
    such a run, "" when it is clean.
    """

    name: str
    series: str
    run: tuple[str, ...]
    invariant: str
    says: str
    sound: str

    @property
    def file(self) -> Path:
        """Return the file of its patch."""
        return HERE / f"{self.name}.patch"

    @property
    def patch(self) -> Message:
        """Return the patch."""
        return read_message(self.file.read_bytes(), self.file.name)


@cache
def series_of(name: str) -> Series:
    """Return a series of ours as it stands."""
    return read_series(path_of(name), None)


class Kernel:
    """The kernel with a series: where the list names none, the reference series."""

    name = "kernel"

    def mutants(self) -> list[KernelMutant]:
        """Return the mutants of the list beside this file."""
        listed: list[dict[str, Any]] = tomllib.loads((HERE / "mutants.toml").read_text())["mutant"]
        return [
            KernelMutant(
                one["name"],
                one.get("series", reference()),
                tuple(one["run"]),
                one["invariant"],
                one["says"],
                one.get("sound", ""),
            )
            for one in listed
        ]

    def misplaced(self) -> list[str]:
        """Return which patches do not apply to the reference series as it stands."""
        names = faults_of([one.name for one in self.mutants()])
        return [*names, *self.misplaced_on(reference())]

    def misplaced_on(self, name: str) -> list[str]:
        """Return which patches do not apply to their series, one of ours; fetches its base where it is not at hand."""
        return _misplaced(name, [one for one in self.mutants() if one.series == name])

    def attempt(self, name: str, folder: Path) -> Attempt:
        """Build the kernel, boot it, and look whether the run names the cause."""
        [mutant] = [one for one in self.mutants() if one.name == name]
        series = series_of(mutant.series)
        kernel = kernel_with(series.spec, [*series.patches, mutant.patch], f"mutant-{mutant.name}")
        done = run(kernel, folder / "run", [*SMALL, *LIMIT, *mutant.run])
        if done.exit_code != 1 and not troubles(done):
            return Attempt(name, End.SURVIVED, done.output)
        if any(re.search(mutant.says, text) for text in _told(mutant, done)):
            return Attempt(name, End.CAUGHT, done.output)
        return Attempt(name, End.SURVIVED, f"nothing says {mutant.says!r}: {done.output}")


def _misplaced(name: str, mutants: Sequence[KernelMutant]) -> list[str]:
    series = series_of(name)
    applied = apply(series, base.ensure(series.spec.base))
    faults = []
    with scratch_worktree(applied.base, applied.head.sha) as tree:
        for one in mutants:
            try:
                git(tree, "apply", "--check", "--cached", str(one.file))
            except GitError as error:
                faults.append(f"{one.name}: {error}")
    return faults


def troubles(done: Run) -> list[str]:
    """Return the lines of the console that `series check` takes exception to."""
    return [line for line, _ in scan(done.folder / "console.log", ())]


def _told(mutant: KernelMutant, done: Run) -> list[str]:
    """Return the texts in which the cause has to be named."""
    if mutant.invariant:
        findings = [one for one in done.findings if one["invariant"] == mutant.invariant]
        return [f"{one['title']}: {one['explanation']}" for one in findings]
    return [str(done.info["reason"]), *troubles(done)]
