# SPDX-License-Identifier: GPL-2.0-only
"""The reference series with one mistake each: every one is caught, and what is told names the cause."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.apply import Applied, apply, scratch_worktree
from acceptlab.toolkit.series.bundled import path_of, reference
from acceptlab.toolkit.series.checks.console_check import scan
from acceptlab.toolkit.series.git import git
from acceptlab.toolkit.series.message import Message, read_message
from acceptlab.toolkit.series.series_source import Series, read_series
from tests.series.changed_kernels import HERE, SMALL, Run, kernel_with, run

MUTANTS = HERE / "mutants"
_LIMIT = ("--time-limit", "300")
"""Seconds of wall time, for a busy machine; no mutant is caught by it."""


@dataclass(frozen=True)
class Mutant:
    """A mistake: its patch on top of the series, the run that shows it, and what that run has to say.

    `invariant` is the one whose finding names the cause, "" where that is in the run's reason, or a line of the console that
    `series check` takes exception to; `says` is a regular expression for it. `sound` is one for what the series itself says in
    such a run, "" when it is clean.
    """

    name: str
    run: tuple[str, ...]
    invariant: str
    says: str
    sound: str

    @property
    def patch(self) -> Message:
        """Return the patch."""
        file = MUTANTS / f"{self.name}.patch"
        return read_message(file.read_bytes(), file.name)


def _mutants() -> list[Mutant]:
    listed: list[dict[str, Any]] = tomllib.loads((MUTANTS / "mutants.toml").read_text())["mutant"]
    return [
        Mutant(one["name"], tuple(one["run"]), one["invariant"], one["says"], one.get("sound", ""))
        for one in listed
    ]


ALL = _mutants()
RUNS = {one.run: one.sound for one in ALL}


@cache
def series() -> Series:
    """Return the reference series as it stands."""
    return read_series(path_of(reference()), None)


@pytest.fixture(scope="module")
def applied() -> Applied:
    """Return it on its base."""
    return apply(series(), base.ensure(series().spec.base))


def told(mutant: Mutant, done: Run) -> list[str]:
    """Return the texts in which the cause has to be named."""
    if mutant.invariant:
        findings = [one for one in done.findings if one["invariant"] == mutant.invariant]
        return [f"{one['title']}: {one['explanation']}" for one in findings]
    return [str(done.info["reason"]), *troubles(done)]


def troubles(done: Run) -> list[str]:
    """Return the lines of the console that `series check` takes exception to."""
    return [line for line, _ in scan(done.folder / "console.log", ())]


def test_there_are_twenty_and_every_patch_is_listed() -> None:
    assert len(ALL) >= 20
    assert sorted(f"{one.name}.patch" for one in ALL) == sorted(
        path.name for path in MUTANTS.glob("*.patch")
    )
    assert all(re.compile(one.says) and one.says for one in ALL)


def test_each_applies_to_the_series_as_it_stands(applied: Applied) -> None:
    with scratch_worktree(applied.base, applied.head.sha) as tree:
        for mutant in ALL:
            file: Path = MUTANTS / f"{mutant.name}.patch"
            git(tree, "apply", "--check", "--cached", str(file))


@pytest.mark.long
@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_the_series_itself_is_sound_in_each_run(words: tuple[str, ...], tmp_path: Path) -> None:
    kernel = kernel_with(series().spec, series().patches, series().name)
    done = run(kernel, tmp_path / "run", [*SMALL, *_LIMIT, *words])
    if RUNS[words]:
        assert re.search(RUNS[words], f"{done.info['reason']}\n{done.console}"), done.output
    else:
        assert (done.exit_code, troubles(done)) == (0, []), done.output


@pytest.mark.long
@pytest.mark.parametrize("mutant", ALL, ids=[mutant.name for mutant in ALL])
def test_it_is_caught_and_the_cause_is_named(mutant: Mutant, tmp_path: Path) -> None:
    patches = [*series().patches, mutant.patch]
    kernel = kernel_with(series().spec, patches, f"mutant-{mutant.name}")
    done = run(kernel, tmp_path / "run", [*SMALL, *_LIMIT, *mutant.run])
    assert done.exit_code == 1 or troubles(done), f"{mutant.name} survives: {done.output}"
    texts = told(mutant, done)
    assert any(re.search(mutant.says, text) for text in texts), (
        f"{mutant.name}: nothing says {mutant.says!r}: {done.output}"
    )
