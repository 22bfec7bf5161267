# SPDX-License-Identifier: GPL-2.0-only
"""A series, wherever it comes from: a folder of ours, a directory of patches, an mbox, or a range of a user's own tree."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.series.git import GitError, git, git_line
from acceptlab.toolkit.series.mailbox import check_there, read_patches
from acceptlab.toolkit.series.message import Message, read_message
from acceptlab.toolkit.series.series_spec import FILE, GitBase, Spec, read_spec
from acceptlab.toolkit.series.shown import shown


@dataclass(frozen=True)
class Series:
    """Patches in order, and what their spec says. `cover` is None where the source has no cover letter."""

    spec: Spec
    patches: tuple[Message, ...]
    cover: Message | None
    origin: str
    """What the user named."""

    @property
    def name(self) -> str:
        """Return the name of the series, which its kernels get too."""
        return self.spec.name

    def digest(self) -> str:
        """Return one word for the patches' content and order."""
        whole = hashlib.sha256()
        for patch in self.patches:
            whole.update(hashlib.sha256(patch.raw).digest())
        return whole.hexdigest()[:16]


def read_series(path: Path, spec: Path | None, version: int | None = None) -> Series:
    """Read a folder of ours, a folder of patches or a mailbox.

    `spec` is a series.toml that stands in for the source's own; a source that has none needs it. `version` is the N of
    [PATCH vN] where a mailbox has several. Raises BadInputError.
    """
    if path.is_file() and path.name == FILE:
        path = path.parent
    told = read_spec(_spec_file(path, spec))
    found = read_patches(path, version)
    for note in found.notes:
        say(note)
    return Series(told, tuple(found.patches), found.cover, shown(str(path)))


def read_range(tree: Path, commits: str, spec: Path | None) -> Series:
    """Read the commits A..B of a user's own repository, which is only read; by itself A is the base.

    `spec` tells the configuration, and the base too when its base is no git tree of the user's.
    """
    first, dots, last = commits.partition("..")
    if not dots or not first or last.startswith(".") or first.startswith("-"):
        raise BadInputError(f"--range {commits!r}: give two commits, A..B")
    if spec is None:
        raise BadInputError(
            "--range needs --spec FILE, a series.toml that tells how to configure the kernel"
        )
    told = read_spec(spec)
    try:
        start = git_line(tree, "rev-parse", "--verify", "--quiet", f"{first}^{{commit}}")
        end = git_line(tree, "rev-parse", "--verify", "--quiet", f"{last or 'HEAD'}^{{commit}}")
        merges = git_line(tree, "rev-list", "--merges", "--max-count=1", f"{start}..{end}")
        mails = _mails_of(tree, start, end) if not merges else []
    except (GitError, OSError):
        raise BadInputError(f"{tree} is no git repository that has {commits}") from None
    if merges:
        raise BadInputError(
            f"{commits} holds a merge ({merges[:12]}): a series is a line of commits"
        )
    if not mails:
        raise BadInputError(f"{commits} holds no commit")
    return Series(
        replace(told, base=GitBase(tree.resolve(), start)), tuple(mails), None, f"{tree} {commits}"
    )


def _mails_of(tree: Path, start: str, end: str) -> list[Message]:
    with tempfile.TemporaryDirectory(prefix="acceptlab-") as folder:
        git(
            tree, "format-patch", "-k", "--quiet", "--no-signature", "--no-cover-letter", "--full-index", "--binary",
            "--zero-commit", "--output-directory", folder, f"{start}..{end}",
        )  # fmt: skip
        return [
            read_message(path.read_bytes(), path.name, as_it_is=True)
            for path in sorted(Path(folder).iterdir())
        ]


def _spec_file(path: Path, spec: Path | None) -> Path:
    check_there(path)
    if spec is not None:
        return spec / FILE if spec.is_dir() else spec
    own = path / FILE
    if path.is_dir() and own.is_file():
        return own
    raise BadInputError(
        f"{path} has no {FILE}: give --spec FILE, one that tells base and configuration"
    )
