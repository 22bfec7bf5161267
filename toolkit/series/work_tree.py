# SPDX-License-Identifier: GPL-2.0-only
"""The checkout of a base tree in which kernels are built: one, so that going from patch to patch compiles what changed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.series.base import BaseTree
from acceptlab.toolkit.series.git import GitError, add_worktree, git, git_line
from acceptlab.toolkit.whole_files import locked

_GIB = 1 << 30


@contextlib.contextmanager
def work_tree(base: BaseTree) -> Iterator[Path]:
    """Hold the base's work tree, made at the base's commit when there is none; others wait."""
    tree = base.home / "work"
    waiting = f"another acceptlab is building in {tree}; waiting for it"
    with locked(base.home / "work.lock", lambda: say(waiting)):
        _make_sure_of(tree, base)
        yield tree


def go_to(tree: Path, commit: str) -> None:
    """Bring the work tree to a commit; only files that differ are written, so that make sees what changed."""
    git(tree, "checkout", "--quiet", "--force", "--detach", commit)


def objects_of(base: BaseTree, config_digest: str) -> Path:
    """Return the folder of the objects that are built from the work tree with one configuration."""
    return base.home / f"objects-{config_digest}"


def check_space(base: BaseTree, config_digest: str) -> None:
    """Raise MachineError where the cache has no room for a first build: the checkout, and as much again for the objects."""
    new = [one for one in (base.home / "work", objects_of(base, config_digest)) if not one.exists()]
    if not new:
        return
    listed = git(base.repository, "ls-tree", "-r", "--format=%(objectsize)", base.commit).split()
    wanted = len(new) * sum(int(size) for size in listed if size.isdecimal())
    free = shutil.disk_usage(base.home).free
    if free < wanted:
        raise MachineError(
            f"{base.home} has {free / _GIB:.1f} GiB of free space, but kernels of {base.about} take about {wanted / _GIB:.1f} GiB: "
            "free some space, or set XDG_CACHE_HOME to another folder"
        )


def _make_sure_of(tree: Path, base: BaseTree) -> None:
    # An interrupted git leaves its lock behind; we hold the lock that counts.
    for left in (base.repository / "worktrees").glob("work*/index.lock"):
        left.unlink(missing_ok=True)
    with contextlib.suppress(GitError, OSError):
        if Path(git_line(tree, "rev-parse", "--show-toplevel")) == tree.resolve():
            return
    shutil.rmtree(tree, ignore_errors=True)
    with locked(base.home / "git.lock"):
        add_worktree(base.repository, tree, base.commit, "--no-checkout")
