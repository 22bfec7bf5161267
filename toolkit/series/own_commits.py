# SPDX-License-Identifier: GPL-2.0-only
"""Commits of a user's own repository as a series: a range, or what a branch has on top of its upstream; b4's cover letter."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.base import BaseTree
from acceptlab.toolkit.series.git import GitError, git, git_line, read_line
from acceptlab.toolkit.series.message import Message, read_message
from acceptlab.toolkit.series.series_spec import GitBase

B4_MARK = "--- b4-submit-tracking ---"
"""What `b4 prep` ends its cover letter with (b4, ez.py, MAGIC_MARKER); its own record follows."""
_LOOK_BACK = 300
"""Commits of a branch among which b4's cover letter is looked for; no series is that long."""
_COMMENT = re.compile(r"^#.*\n?", re.MULTILINE)
_HEADLINE = re.compile(r"^>(#.*)$", re.MULTILINE)
_BLANKS = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Commits:
    """Commits in a line: the repository they are in, the base's commit, the patches, b4's cover letter if there is one."""

    tree: Path
    start: str
    patches: tuple[Message, ...]
    cover: Message | None
    about: str
    """The user's argument, or its resolution."""


def is_range(text: str) -> bool:
    """Return whether an argument is commits A..B rather than a path or a kernel."""
    first, dots, _ = text.partition("..")
    awkward = text.startswith(("/", ".", "-")) or "/../" in text or "=" in text
    return bool(first and dots) and not awkward and not os.path.lexists(text)


def repository_at(folder: Path) -> Path | None:
    """Return the top folder of the git repository that a folder is in, or a bare repository; None where it is in none."""
    try:
        if read_line(folder, "rev-parse", "--is-bare-repository") == "true":
            return Path(read_line(folder, "rev-parse", "--absolute-git-dir"))
        return Path(read_line(folder, "rev-parse", "--show-toplevel"))
    except GitError:
        return None


def branch_of(tree: Path) -> str:
    """Return the name of the branch that is checked out, "" when there is none."""
    try:
        return read_line(tree, "symbolic-ref", "--quiet", "--short", "HEAD")
    except GitError:
        return ""


def read_commits(tree: Path, commits: str) -> Commits:
    """Read the commits A..B of a repository, which is only read; without `commits` those on top of the upstream branch.

    The base is where B left A. Raises BadInputError when there are none, or no line of them.
    """
    commits = commits or _on_top(tree)
    first, dots, last = commits.partition("..")
    if not dots or not first or last.startswith(".") or first.startswith("-"):
        raise BadInputError(f"{shown(commits)!r} is not a range: give two commits, A..B")
    try:
        ends = [_commit(tree, one) for one in (first, last or "HEAD")]
        held = base.ensure(GitBase(tree.resolve(), ends[0]))
        start = git_line(held.repository, "merge-base", *ends)
        return _read(held, tree, start, ends[1], commits)
    except GitError as error:
        if "not allowed" in error.output or "dubious" in error.output:
            raise BadInputError(f"{shown(str(tree))}: {error.line}") from None
        raise BadInputError(
            f"{shown(str(tree))} is not a git repository with {shown(commits)}"
        ) from None


def _commit(tree: Path, name: str) -> str:
    return read_line(
        tree, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )


def _read(held: BaseTree, tree: Path, start: str, end: str, commits: str) -> Commits:
    merges = git_line(held.repository, "rev-list", "--merges", "--max-count=1", f"{start}..{end}")
    if merges:
        raise BadInputError(
            f"{shown(commits)} contains a merge ({merges[:12]}): a series must be linear; rebase it (git rebase)"
        )
    patches = _patches(held.repository, start, end)
    if not patches:
        raise BadInputError(f"{shown(commits)} contains no commit with changes")
    cover = _cover(held.repository, git(held.repository, "rev-list", f"{start}..{end}").split())
    return Commits(
        tree.resolve(), start, tuple(patches), cover, f"{shown(str(tree))} {shown(commits)}"
    )


def _patches(repository: Path, start: str, end: str) -> list[Message]:
    """Return the commits as mails; one that changes nothing, as b4's cover letter, is none."""
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as folder:
        git(
            repository, "format-patch", "-k", "--quiet", "--no-signature", "--no-cover-letter", "--full-index", "--binary",
            "--zero-commit", "--output-directory", folder, f"{start}..{end}",
        )  # fmt: skip
        # Of a commit that changes nothing git leaves an empty file, or a mail without a diff (2.47).
        files = sorted(path for path in Path(folder).iterdir() if path.stat().st_size)
        mails = [read_message(path.read_bytes(), path.name, as_it_is=True) for path in files]
        return [mail for mail in mails if mail.has_diff]


def _on_top(tree: Path) -> str:
    """Return the range of what a branch has of its own: b4's since its cover letter, any other since its upstream branch."""
    recent = read_line(
        tree, "rev-list", "--first-parent", f"--max-count={_LOOK_BACK}", "HEAD"
    ).split()
    found = read_line(
        tree, "log", "--no-walk", "--max-count=1", "--format=%H", f"--grep=^{B4_MARK}$", *recent
    )
    if found:
        return f"{found}^..HEAD"
    try:
        return read_line(tree, "rev-parse", "--abbrev-ref", "HEAD@{upstream}") + "..HEAD"
    except GitError:
        raise BadInputError(
            f"{shown(str(tree))}: the branch {shown(branch_of(tree)) or '(none)'} has no upstream branch: give the commits, "
            "such as v6.12..HEAD, or run git branch --set-upstream-to=origin/master"
        ) from None


def _cover(repository: Path, commits: list[str]) -> Message | None:
    """Return b4's cover letter among some commits, without b4's own record and the comments that b4 leaves out too."""
    if not commits:
        return None
    words = ("log", "--no-walk", "--max-count=1", "--format=%B", f"--grep=^{B4_MARK}$")
    text = git(repository, *words, *commits[: 10 * _LOOK_BACK]).split(B4_MARK)[0]
    if not text.strip():
        return None
    text = _BLANKS.sub("\n\n", _HEADLINE.sub(r"\1", _COMMENT.sub("", text))).strip()
    subject, _, body = text.partition("\n")
    return read_message(
        f"Subject: {subject}\n\n{body.strip()}\n".encode(), "b4's cover letter", as_it_is=True
    )
