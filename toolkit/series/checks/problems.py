# SPDX-License-Identifier: GPL-2.0-only
"""The result of a check of a series: problems, each attributed to the patch that introduced it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from acceptlab.toolkit.errors import EXIT_FINDINGS, EXIT_OK, EXIT_UNDECIDED

PASS, WARN, FAIL, SKIPPED = "pass", "warn", "fail", "skipped"
FORMAT = 1


@dataclass(frozen=True)
class Problem:
    """One thing that a step has against a kernel. `key` is the same for the same problem of another kernel.

    `undecided`: nothing is wrong as far as the step can tell, and it cannot tell all.
    """

    level: str
    text: str
    key: str
    undecided: bool = False


@dataclass(frozen=True)
class FunctionUse:
    """A function that the patch touches. `executed`: how often, by platform and stage; those without are left out.

    `unseen`: why no boot could show it, "" where one could.
    """

    function: str
    file: str
    executed: dict[str, dict[str, int]]
    unseen: str = ""


@dataclass(frozen=True)
class Step:
    """One step of one patch: all its problems, and a line about how it went. `log` is where to read on, "" if nowhere.

    `functions`: of the step that says what the boots executed.
    """

    name: str
    problems: tuple[Problem, ...] = ()
    note: str = ""
    log: str = ""
    skipped: bool = False
    functions: tuple[FunctionUse, ...] = ()


@dataclass(frozen=True)
class Judged:
    """A step with its problems told apart: `new` are this patch's, `old` were there before it."""

    name: str
    state: str
    new: tuple[Problem, ...]
    old: tuple[Problem, ...]
    note: str
    log: str
    functions: tuple[FunctionUse, ...] = ()


@dataclass(frozen=True)
class PatchCheck:
    """One patch: its number, subject and commit, and its steps."""

    number: int
    subject: str
    commit: str
    steps: tuple[Judged, ...]

    @property
    def state(self) -> str:
        """Return the worst state of all steps."""
        return worst([step.state for step in self.steps])


@dataclass(frozen=True)
class SeriesCheck:
    """A whole check. `patches` are those that were asked for."""

    series: str
    title: str
    base: str
    total: int
    patches: tuple[PatchCheck, ...]

    @property
    def state(self) -> str:
        """Return the worst state of all patches."""
        return worst([patch.state for patch in self.patches])

    @property
    def exit_code(self) -> int:
        """Return 1 when any patch has a problem of its own, 4 when only boots are undecided that were decided before, else 0."""
        new = [problem for patch in self.patches for step in patch.steps for problem in step.new]
        if self.state == PASS:
            return EXIT_OK
        return EXIT_UNDECIDED if all(one.undecided for one in new) else EXIT_FINDINGS

    def to_json(self) -> dict[str, Any]:
        """Return the object that --json prints."""
        return {"format": FORMAT, **asdict(self), "state": self.state, "exit_code": self.exit_code}


def worst(states: Sequence[str]) -> str:
    """Return the worst of some states; a skipped one is no worse than one that passed."""
    return next((state for state in (FAIL, WARN) if state in states), PASS)


def judge(step: Step, before: Step | None) -> Judged:
    """Separate a step's new problems from those that it found before the patch; without that all are new."""
    known = Counter(problem.key for problem in before.problems) if before else Counter[str]()
    new, old = [], []
    for problem in step.problems:
        if known[problem.key] > 0:
            known[problem.key] -= 1
            old.append(problem)
        else:
            new.append(problem)
    state = SKIPPED if step.skipped else worst([problem.level for problem in new])
    return Judged(step.name, state, tuple(new), tuple(old), step.note, step.log, step.functions)
