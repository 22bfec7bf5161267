# SPDX-License-Identifier: GPL-2.0-only
"""One kernel of a bisection: what its run showed, and whether that is the problem that is sought."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.checks.problems import Step

_CONSOLE = "console "
"""How the keys of problems begin that only the console shows (toolkit/series/checks/boots.py)."""


class Word(StrEnum):
    """What a trial says, in git's words."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True)
class Trial:
    """The run of one kernel. ``problems`` and ``doubts`` are keys, equal for the same problem of two kernels; ``line`` is for people."""

    name: str
    problems: frozenset[str]
    doubts: frozenset[str]
    line: str
    failed: bool = False
    """The kernel was not built, or the run was not made: nothing is known of it."""


@dataclass(frozen=True)
class Sought:
    """The problem that is sought: what BAD has and GOOD has not. ``known`` is what GOOD shows already, ``doubts`` what neither decides."""

    problem: frozenset[str]
    known: frozenset[str]
    doubts: frozenset[str]

    def word(self, trial: Trial) -> Word:
        """Return what a trial says: another problem than the one that is sought, or a new doubt, says nothing."""
        if trial.failed:
            return Word.SKIP
        if self.problem <= trial.problems:
            return Word.BAD
        if trial.problems <= self.known and trial.doubts <= self.doubts:
            return Word.GOOD
        return Word.SKIP


def sought(good: Trial, bad: Trial) -> Sought:
    """Return the problem that a good and a bad kernel differ in. Raises BadInputError when they do not."""
    for name, trial in (("GOOD", good), ("BAD", bad)):
        if trial.failed:
            raise BadInputError(f"{name}, {trial.name}, cannot be tried: {trial.line}")
    if not bad.problems:
        raise BadInputError(f"nothing to bisect: BAD, {bad.name}, has no problem with this --run")
    own = bad.problems - good.problems
    if not own:
        raise BadInputError(
            f"nothing to bisect: GOOD, {good.name}, has the problem of BAD, {bad.name}, too: {good.line}"
        )
    # How it ended and what the judge found say more than lines of the console, which differ between versions.
    problem = frozenset(key for key in own if not key.startswith(_CONSOLE)) or own
    return Sought(problem, good.problems, good.doubts | bad.doubts)


def trial_of(name: str, step: Step) -> Trial:
    """Return a run's result (toolkit.series.checks.boots) as a trial."""
    problems = frozenset(one.key for one in step.problems if not one.undecided)
    doubts = frozenset(one.key for one in step.problems if one.undecided)
    line = "; ".join(dict.fromkeys(one.text for one in step.problems)) or step.note
    return Trial(name, problems, doubts, line, failed="not run" in problems)
