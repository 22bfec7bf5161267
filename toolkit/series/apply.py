# SPDX-License-Identifier: GPL-2.0-only
"""Apply a series to its base by `git am`, on a private worktree: all patches, or nothing."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.kernel_config import TARGETS, Configuration
from acceptlab.toolkit.kernels.own_tree import HAVE_UNACCEPTED, fragments_by
from acceptlab.toolkit.progress import Step, say, step
from acceptlab.toolkit.series import conflict
from acceptlab.toolkit.series.base import BaseTree
from acceptlab.toolkit.series.git import GitError, add_worktree, git, git_line
from acceptlab.toolkit.series.message import Hunk, Message, hunks
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.whole_files import locked, write_whole

_FAILED_AT = re.compile(r"^error: patch failed: (?P<file>.+):(?P<line>\d+)$", re.MULTILINE)
_FROM = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED_CR = "quoted CRLF detected"
_REFUSED = re.compile(r"^error: (?P<file>.+?): (?P<why>[^:]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Commit:
    """A commit: its id, the id of its tree, and its subject."""

    sha: str
    tree: str
    subject: str


@dataclass(frozen=True)
class Applied:
    """A series on its base. `commits[0]` is the base, `commits[n]` has the first n patches."""

    series: Series
    base: BaseTree
    commits: tuple[Commit, ...]

    @property
    def config(self) -> Configuration:
        """Return how its kernels are configured; raises BadInputError when the base is no kernel's tree, and nothing says it."""
        if self.series.spec.config is None:
            raise BadInputError(
                f"{self.base.about} is not a kernel tree: it has no Kconfig and Makefile"
            )
        return self.series.spec.config

    @property
    def head(self) -> Commit:
        """Return the commit with all patches."""
        return self.commits[-1]


class ConflictError(BadInputError):
    """A patch that does not apply; `log` holds git's words and the hunk."""

    def __init__(self, message: str, patch: int, file: str, hunk: str, log: Path) -> None:
        super().__init__(message)
        self.patch, self.file, self.hunk, self.log = patch, file, hunk, log


def apply(series: Series, base: BaseTree) -> Applied:
    """Return the series applied to the base; what was applied before is found again.

    The commits depend on the patches and the base alone. Raises ConflictError, with nothing left of the attempt but its log.
    """
    ref = f"refs/acceptlab/{series.digest()}-{base.commit[:16]}"
    with locked(base.home / "git.lock"):
        if not _has(base.repository, ref):
            with step(f"applying {len(series.patches)} patches of {series.name}") as progress:
                _am(series, base, ref, progress)
        return Applied(configured(series, base), base, tuple(_commits(base, ref)))


def configured(series: Series, base: BaseTree) -> Series:
    """Return the series with the configuration that its base's tree calls for where its spec names none.

    A tree that is no kernel's calls for none: patches apply to it, and nothing is built.
    """
    if series.spec.config is not None or not _files_at(base, "Kconfig", "Makefile"):
        return series
    texts = [_text_at(base, name) for name in HAVE_UNACCEPTED if _files_at(base, name)]
    config = Configuration(TARGETS[0], fragments_by(texts))
    return replace(series, spec=replace(series.spec, config=config))


def _files_at(base: BaseTree, *names: str) -> bool:
    """Return whether the base has all of these files."""
    there = git(base.repository, "ls-tree", "--name-only", base.commit, "--", *names)
    return set(names) <= set(there.split("\n"))


def _text_at(base: BaseTree, name: str) -> str:
    return git(base.repository, "cat-file", "blob", f"{base.commit}:{name}")


def check_out(applied: Applied, folder: Path) -> None:
    """Make `folder`, new or empty, a worktree of the applied series, for its user to work in; on no branch."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is not empty: give --out a new folder")
    with step(f"checking out {applied.series.name}"), locked(applied.base.home / "git.lock"):
        add_worktree(applied.base.repository, folder.resolve(), applied.head.sha)


def _has(repository: Path, ref: str) -> bool:
    with contextlib.suppress(GitError):
        return bool(git_line(repository, "rev-parse", "--verify", "--quiet", ref))
    return False


def _commits(base: BaseTree, ref: str) -> Iterator[Commit]:
    told = git(base.repository, "log", "--no-walk", "--format=%H %T %s", base.commit)
    told += git(base.repository, "log", "--reverse", "--format=%H %T %s", f"{base.commit}..{ref}")
    for line in told.split("\n")[:-1]:
        sha, tree, subject = line.split(" ", 2)
        yield Commit(sha, tree, shown(subject))


def _am(series: Series, base: BaseTree, ref: str, progress: Step) -> None:
    with scratch_worktree(base, base.commit) as tree:
        for number, patch in enumerate(series.patches, 1):
            progress.update(number - 1, len(series.patches), patch.subject)
            _am_one(series, base, tree, number, patch)
        head = git_line(tree, "rev-parse", "HEAD")
    git(base.repository, "update-ref", ref, head)


def _am_one(series: Series, base: BaseTree, tree: Path, number: int, patch: Message) -> None:
    mail = tree.with_name(f"{tree.name}.patch")
    with mail.open("wb") as file:
        file.write(_FROM)
        file.write(escaped(patch.raw))
    try:
        _am_mail(tree, mail, patch)
    except GitError as error:
        raise _conflict(series, base, number, patch, tree, error.output) from None
    finally:
        mail.unlink()


def _am_mail(tree: Path, mail: Path, patch: Message) -> None:
    """Have `git am` take one mail; where it found a CRLF that an encoding hid, and failed, once more without these."""
    words = ["am", "--quiet", "--patch-format=mboxrd", "--committer-date-is-author-date"]
    words += ["--keep", "--keep-cr"] if patch.as_it_is else []
    try:
        git(tree, *words, str(mail))
    except GitError as error:
        if _QUOTED_CR not in error.output:
            raise
        git(tree, "am", "--abort")
        git(tree, *words, "--quoted-cr=strip", str(mail))
        say(f"{patch.file}: encoded lines end in CR LF: applied like git am --quoted-cr=strip")


def escaped(mail: bytes) -> bytes:
    """Return a mail, without its line `From `, as mboxrd has it: no line of it begins another mail."""
    if mail.startswith(b"From "):
        mail = mail[mail.find(b"\n") + 1 :] if b"\n" in mail else b""
    return _FROM_LINE.sub(rb">\1", mail) if _FROM_LINE.search(mail) else mail


@contextlib.contextmanager
def scratch_worktree(base: BaseTree, commit: str) -> Iterator[Path]:
    """Give a worktree at a commit, gone afterwards. Its files are not written: git fetches those that a patch touches."""
    with tempfile.TemporaryDirectory(prefix=".scratch-", dir=base.home) as folder:
        tree = Path(folder) / "tree"
        add_worktree(base.repository, tree, commit, "--no-checkout")
        try:
            git(tree, "read-tree", "HEAD")
            yield tree
        finally:
            shutil.rmtree(tree, ignore_errors=True)
            git(base.repository, "worktree", "prune")


def _conflict(
    series: Series, base: BaseTree, number: int, patch: Message, tree: Path, said: str
) -> ConflictError:
    """Say which hunk of which file did not apply, why if that can be known, and keep the details in a log."""
    hunk = failed_hunk(said, hunks(patch.patch))
    file = hunk.file if hunk else _refused_file(said)
    what = f"{file}, hunk {hunk.header}" if hunk else (file or "git cannot read it as a patch")
    log = base.home / f"apply-{series.name}.log"
    write_whole(log, f"{patch.file}: {patch.subject}\n\n{said}\n{hunk.text if hunk else ''}\n")
    why = conflict.reason(tree, patch, said)
    message = (
        f"patch {number}/{len(series.patches)} ({patch.file}: {patch.subject}) does not apply to {base.about}: {shown(what)}; "
        f"{why}nothing was applied (git's output and the hunk: {log})"
    )
    return ConflictError(message, number, file, hunk.text if hunk else "", log)


def failed_hunk(said: str, in_patch: Iterable[Hunk]) -> Hunk | None:
    """Return the hunk that git's message names, None if it names none."""
    found = _FAILED_AT.search(said)
    if not found:
        return None
    named = [hunk for hunk in in_patch if hunk.file == found["file"]]
    at_line = [hunk for hunk in named if hunk.start == int(found["line"])]
    return next(iter(at_line or named), None)


def _refused_file(said: str) -> str:
    found = _REFUSED.search(said)
    return f"{found['file']}: {found['why']}" if found else ""
