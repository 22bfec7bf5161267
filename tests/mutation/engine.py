# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: one mistake each, put into a copy of the code or into a trace on purpose, which a test or the judge has to catch.

Nothing in the checkout is edited: a subject makes the mutant in a folder of its own, which is gone afterwards. What is tried
runs in a session of its own, so that a mutant that hangs can be killed with all that it started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from acceptlab.toolkit.places import CHECKOUT

PATIENCE = 600.0
"""Seconds of wall time for the tests of one mutant, on a busy machine."""
TESTS_FAILED = 1
"""pytest's exit code; 2 to 5 are errors of ours: interrupted, internal, usage, nothing collected."""
_SHOWN = 3000
"""Characters of an output that are shown."""


class End(StrEnum):
    """How a mutant ended."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    HUNG = "HUNG"
    UNFIT = "UNFIT"
    """It has no place in today's code, does not compile, or its tests cannot run."""


class UnfitError(Exception):
    """A mutant that cannot be made: its place is not there just once, or it does not compile."""


class Named(Protocol):
    """What the engine knows of a mutant."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Mutant:
    """One edit of one file, and the tests of which at least one has to fail then, as pytest names them."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """What came of a mutant, and the seconds of wall time that it took."""

    mutant: str
    end: End
    output: str
    seconds: float = 0.0


class Subject(Protocol):
    """A part of the code with its mutants."""

    name: str

    def mutants(self) -> Sequence[Named]:
        """Return all mutants."""

    def misplaced(self) -> list[str]:
        """Return what is wrong with the list, a line each: places that are not there just once, tests that are not there."""

    def attempt(self, name: str, folder: Path) -> Attempt:
        """Make the mutant in an empty folder and run what has to catch it. Raises UnfitError."""


class Tested(Subject, Protocol):
    """A part of the code whose mutants are caught by tests."""

    def unchanged(self, folder: Path) -> Attempt:
        """Run all those tests in an empty folder as for a mutant, without a mistake: it has to survive."""


def load(*lists: Path) -> list[Mutant]:
    """Return the mutants of TOML files, tables `[[mutant]]` with the fields of Mutant."""
    entries = [entry for path in lists for entry in tomllib.loads(path.read_text())["mutant"]]
    return [Mutant(**{**entry, "tests": tuple(entry.get("tests", ()))}) for entry in entries]


def replaced(text: str, old: str, new: str, where: str) -> str:
    """Return the text with the edit, which has to fit in exactly one place. Raises UnfitError."""
    if text.count(old) != 1 or old == new:
        raise UnfitError(f"{where}: the text to replace is there {text.count(old)} times: {old!r}")
    return text.replace(old, new)


def faults_of(names: Sequence[str]) -> list[str]:
    """Return names that are there more than once."""
    return [f"{name} is there {n} times" for name, n in Counter(names).items() if n > 1]


def lost_tests(tests: Sequence[str]) -> list[str]:
    """Return those of these pytest names whose file or function is not there."""
    lost = []
    for test in tests:
        path, _, function = test.partition("::")
        file = CHECKOUT / path
        function = function.partition("[")[0]
        if not file.is_file() or (function and f"def {function}(" not in file.read_text()):
            lost.append(f"no {test}")
    return lost


def process(
    command: Sequence[str], environment: Mapping[str, str], patience: float = PATIENCE
) -> tuple[int | None, str]:
    """Run a command in the checkout: its exit code, None after `patience` seconds, and its output."""
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as started:
        try:
            output, _ = started.communicate(timeout=patience)
        except BaseException as error:
            os.killpg(started.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return None, started.communicate()[0]
        return started.returncode, output


def run_tests(
    name: str, tests: Sequence[str], environment: Mapping[str, str], *options: str, patience: float = PATIENCE
) -> Attempt:  # fmt: skip
    """Run tests of which one has to fail, up to the first that does. A crash of pytest itself is no failed test."""
    alone = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options)
    # The worker's name and options of a pytest that tries the mutants are not those of the pytest that runs its tests.
    clean = {"PYTEST_ADDOPTS": "", "PYTEST_XDIST_WORKER": "mutant", **environment}
    code, output = process([sys.executable, "-m", "pytest", *alone, *tests], clean, patience)
    ends = {0: End.SURVIVED, TESTS_FAILED: End.CAUGHT, None: End.HUNG}
    return Attempt(name, ends.get(code, End.UNFIT), output[-_SHOWN:])


def attempt(subject: Subject, name: str) -> Attempt:
    """Try one mutant in a folder that is gone afterwards."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="acceptlab-mutant-") as folder:
        try:
            done = subject.attempt(name, Path(folder))
        except UnfitError as error:
            done = Attempt(name, End.UNFIT, str(error))
    return Attempt(done.mutant, done.end, done.output, time.monotonic() - started)


def attempt_all(subject: Subject, names: Sequence[str], jobs: int) -> Iterator[Attempt]:
    """Try mutants, `jobs` at a time; the results come in the order of the names."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(lambda name: attempt(subject, name), names)
        finally:
            pool.shutdown(cancel_futures=True)


def row(one: Attempt) -> str:
    """Return a line of the table of results."""
    return f"{one.end:<9} {one.seconds:6.1f} s  {one.mutant}"


def table(attempts: Sequence[Attempt]) -> str:
    """Return how many ended how, and what those printed that were not caught."""
    counts = Counter(one.end for one in attempts)
    lines = [", ".join(f"{counts[end]} {end}" for end in End if counts[end]) or "no mutants"]
    lines += [
        f"--- {one.mutant}: {one.end}\n{one.output}" for one in attempts if one.end != End.CAUGHT
    ]
    return "\n".join(lines)
