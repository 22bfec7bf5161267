# SPDX-License-Identifier: GPL-2.0-only
"""A series, wherever it comes from: a folder of ours, a directory of patches, an mbox, or a range of a user's own tree."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.series.made_up import spec_of_commits, spec_of_mails
from acceptlab.toolkit.series.mailbox import check_there, read_patches
from acceptlab.toolkit.series.message import Message
from acceptlab.toolkit.series.own_commits import read_commits, repository_at
from acceptlab.toolkit.series.series_spec import FILE, GitBase, Spec, read_spec


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


def read_series(
    path: Path, spec: Path | None, version: int | None = None, tree: Path | None = None
) -> Series:
    """Read a folder of ours, a folder of patches or a mailbox.

    `spec` is a series.toml that stands in for the source's own. A source that has none is based on the commit that its mails
    name, in `tree` or the kernel tree around us. `version` is the N of [PATCH vN] where a mailbox has several. Raises
    BadInputError.
    """
    if path.is_file() and path.name == FILE:
        path = path.parent
    check_there(path)
    told = _spec_file(path, spec)
    says = read_spec(told) if told else None
    found = read_patches(path, version)
    for note in found.notes:
        say(note)
    says = says or spec_of_mails(path, found, tree)
    return Series(says, tuple(found.patches), found.cover, shown(str(path)))


def read_range(tree: Path, commits: str, spec: Path | None) -> Series:
    """Read the commits A..B of a user's own repository, which is only read; where B left A is the base.

    Without `commits` it is what the branch has on top of its upstream branch, or what b4 has in it. `spec`, else a series.toml in
    the repository's top folder, says how to configure and judge the kernels; none is needed.
    """
    top = repository_at(tree)
    if top is None:
        why = (
            f"is not a git repository with {shown(commits)}"
            if commits
            else "is not a git repository"
        )
        raise BadInputError(f"{shown(str(tree))} {why}")
    found = read_commits(top, commits)
    own = top / FILE
    told = (
        spec / FILE
        if spec is not None and spec.is_dir()
        else spec or (own if own.is_file() else None)
    )
    says = read_spec(told) if told else spec_of_commits(found)
    return Series(
        replace(says, base=GitBase(found.tree, found.start)),
        found.patches,
        found.cover,
        found.about,
    )


def _spec_file(path: Path, spec: Path | None) -> Path | None:
    if spec is not None:
        return spec / FILE if spec.is_dir() else spec
    own = path / FILE
    return own if path.is_dir() and own.is_file() else None
