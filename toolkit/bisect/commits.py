# SPDX-License-Identifier: GPL-2.0-only
"""Bisect over commits: git chooses, kernels are built one after the other in one folder, a run of each says good or bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.bisect.packages import Tried
from acceptlab.toolkit.bisect.trial import Trial, Word, sought
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.kernels.kernel_build import build
from acceptlab.toolkit.kernels.kernel_config import TARGETS, Configuration
from acceptlab.toolkit.kernels.own_tree import default_fragments
from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.base import BaseTree
from acceptlab.toolkit.series.git import GitError, git, git_line
from acceptlab.toolkit.series.series_spec import GitBase
from acceptlab.toolkit.series.work_tree import check_space, go_to, objects_of, work_tree

_HEAD = "BISECT_HEAD"
"""What git wants to have tried next (git-bisect(1), --no-checkout)."""
_FOUND, _ONLY_SKIPPED = "is the first ", "There are only 'skip'ped commits left"
_OLD, _NEW = "broken", "fixed"
"""Terms where GOOD is newer than BAD: what is sought is a fix."""


@dataclass(frozen=True)
class Bisected:
    """The end of a bisection: git's last words, its log, and what was tried."""

    said: str
    log: str
    tried: tuple[Tried, ...]

    @property
    def is_found(self) -> bool:
        """Return whether there is one commit; else only skipped ones are left."""
        return _FOUND in self.said


@dataclass(frozen=True)
class Ends:
    """GOOD and BAD as commits. ``is_fix``: BAD is the older one."""

    good: str
    bad: str
    is_fix: bool

    @property
    def start(self) -> list[str]:
        """Return the words for `git bisect start`."""
        if self.is_fix:
            return [
                f"--term-old={_OLD}",
                f"--term-new={_NEW}",
                "--no-checkout",
                self.good,
                self.bad,
            ]
        return ["--no-checkout", self.bad, self.good]

    def term(self, word: Word) -> str:
        """Return git's term for a word."""
        if self.is_fix and word is not Word.SKIP:
            return _NEW if word is Word.GOOD else _OLD
        return word.value


Run = Callable[[str, str], Trial]
"""Boots a kernel of the cache: its name there, what to call the trial."""


def bisect_commits(
    tree: Path,
    good: str,
    bad: str,
    fragments: tuple[Path, ...],
    run: Run,
    tell: Callable[[Tried], None],
) -> Bisected:
    """Bisect the commits between two of a repository, which is only read.

    ``fragments`` configure the kernels, by default those that each tree calls for. What does not build is skipped. Raises
    BadInputError for a commit that is none, and where the ends do not differ.
    """
    held = base.ensure(GitBase(tree, good))
    ends = _ends(held, base.ensure(GitBase(tree, bad)))
    tried: list[Tried] = []

    def note(one: Tried) -> None:
        tried.append(one)
        tell(one)

    with work_tree(held) as work:

        def try_out(commit: str) -> Trial:
            return _try_out(held, work, commit, fragments, run)

        first, last = try_out(ends.good), try_out(ends.bad)
        problem = sought(first, last)
        note(Tried(first, Word.GOOD))
        note(Tried(last, Word.BAD))
        try:
            said = git(work, "bisect", "start", *ends.start)
            while not any(words in said for words in (_FOUND, _ONLY_SKIPPED)):
                trial = try_out(git_line(work, "rev-parse", _HEAD))
                word = problem.word(trial)
                note(Tried(trial, word))
                said = _mark(work, ends.term(word))
            return Bisected(said.strip(), git(work, "bisect", "log"), tuple(tried))
        finally:
            git(work, "bisect", "reset")


def _mark(work: Path, term: str) -> str:
    """Mark the current commit; git ends with an error where only skipped commits are left."""
    try:
        return git(work, "bisect", term)
    except GitError as error:
        if _ONLY_SKIPPED in error.output:
            return error.output
        raise


def _ends(good: BaseTree, bad: BaseTree) -> Ends:
    if good.commit == bad.commit:
        raise BadInputError("GOOD and BAD are the same commit")
    common = git_line(good.repository, "merge-base", good.commit, bad.commit)
    return Ends(good.commit, bad.commit, common == bad.commit)


def _try_out(
    held: BaseTree, work: Path, commit: str, fragments: tuple[Path, ...], run: Run
) -> Trial:
    go_to(work, commit)
    name = f"{commit[:12]} {git_line(work, 'log', '-1', '--format=%s', commit)}"
    config = Configuration(TARGETS[0], fragments or default_fragments(work))
    check_space(held, config.digest())
    kernel = f"bisect-{held.home.name[-12:]}"
    try:
        built = build(work, objects_of(held, config.digest()), config, commit[:12])
    except BadInputError as error:
        return Trial(name, frozenset(), frozenset(), f"does not build: {error}", failed=True)
    store.install(kernel, built, {"commit": commit, "reproduce": built.reproduce})
    return run(kernel, name)
