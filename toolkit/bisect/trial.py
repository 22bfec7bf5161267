# SPDX-License-Identifier: GPL-2.0-only
"""One kernel of a bisection: what its run showed, and whether that is the problem that is sought."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.checks.problems import Step

_CONSOLE, _OUTCOME, _FINDING = "console ", "outcome ", "finding "
"""How the keys of problems begin: what only the console shows, how a run ended, what the judge found (toolkit/series/checks/boots.py)."""


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
        """Return what a trial says.

        Nothing, where its run ended in another way than GOOD's, as it may not have come as far, where it has another problem of
        the sought kind, or a new doubt. A problem of another kind, in a run that ended as GOOD's, does not hide the sought one.
        """
        if trial.failed:
            return Word.SKIP
        if self.problem <= trial.problems:
            return Word.BAD
        hides = {_OUTCOME.strip(), *map(_kind, self.problem)}
        other = {_kind(key) for key in trial.problems - self.known}
        return Word.GOOD if trial.doubts <= self.doubts and not hides & other else Word.SKIP


def _kind(key: str) -> str:
    """Return what problems have in common that may be one problem: a word, or the invariant."""
    word, _, rest = key.partition(" ")
    return rest.partition(" ")[0] if key.startswith(_FINDING) else word


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
