# SPDX-License-Identifier: GPL-2.0-only
"""The spec of a series with no series.toml: its name, its base and its configuration from where it lies."""

from __future__ import annotations

import json
import re
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.kbuild import is_kernel_tree
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.git import GitError, read_line
from acceptlab.toolkit.series.message import Message
from acceptlab.toolkit.series.order import Ordered
from acceptlab.toolkit.series.own_commits import Commits, branch_of, repository_at
from acceptlab.toolkit.series.series_spec import FILE, Base, GitBase, NoBase, Spec

_AWKWARD = re.compile(r"[^a-z0-9-]+")
_ENDINGS = re.compile(r"(\.(mbox|mbx|eml|patch|gz))+$")
_LONGEST = 40


def spec_of_commits(commits: Commits) -> Spec:
    """Return the spec of commits of a tree: named as the branch is, on the commit where the range begins."""
    title = commits.cover.subject if commits.cover else commits.patches[-1].subject
    name = _name(branch_of(commits.tree) or commits.patches[-1].subject)
    return Spec(name, title, GitBase(commits.tree, commits.start), None)


def spec_of_mails(path: Path, found: Ordered, tree: Path | None) -> Spec:
    """Return the spec of mails: named as their file is, on the base-commit that they name, in `tree` or the tree around us.

    Without a base-commit it is what the tree has checked out, which one line says.
    """
    mails = [*([found.cover] if found.cover else []), *found.patches]
    title = (found.cover or found.patches[-1]).subject
    name = _name(_ENDINGS.sub("", path.resolve().name))
    return Spec(name, title, _base_of(mails, tree, path), None)


def _base_of(mails: list[Message], tree: Path | None, path: Path) -> Base:
    here = repository_at(tree or Path.cwd())
    if tree is not None and here is None:
        raise BadInputError(f"{shown(str(tree))} is not a git repository")
    if here is None or (tree is None and not is_kernel_tree(here)):
        return NoBase(
            f"{shown(str(path))} has no {FILE}: give --spec FILE, or --tree DIR (a kernel git tree), or run the command in that tree"
        )
    named = next((mail.base_commit for mail in mails if mail.base_commit), "")
    if not named:
        say(
            f"no mail has a base-commit: using the checked-out commit of {shown(str(here))} as base"
        )
        return GitBase(here, read_line(here, "rev-parse", "HEAD"))
    try:
        read_line(here, "cat-file", "-e", f"{named}^{{commit}}")
    except GitError:
        return NoBase(
            f"the mails' base-commit {named[:12]} is not in {shown(str(here))}: fetch it (git fetch), or give --spec FILE "
            "with another base"
        )
    return GitBase(here, named)


def _name(text: str) -> str:
    """Return a text as the name of a series, and of its kernels."""
    name = _AWKWARD.sub("-", text.lower())[:_LONGEST].strip("-")
    return name or "series"


_TOML = """\
# Description of a series, for `acceptlab series ... --spec {file}`. Required: name, title and [base].
name = {name}
title = {title}

[base]                                # exactly one of git, debian, tarball
git = {tree}
commit = "{commit}"
# debian = "linux-source-6.12"        # a Debian package with a kernel's source ...
# version = "6.12.117-1~deb12u1"      # ... and its version
# tarball = "linux-6.12.tar.xz"

[config]                              # empty: options for SNP and TDX guests, as the base's tree supports them
# target = "tinyconfig"               # or defconfig, allnoconfig
# fragments = {fragments}

[compare]                             # kernels for `series bench`, named as for `acceptlab run`
kernels = []

[policies]                            # name = kernel command line parameters
lazy = "accept_memory=lazy"
eager = "accept_memory=eager"

[functions]                           # functions of the series' own
skip = []                             # that only carry out an accept, as "accept_units": their caller is its cause
waits = []                            # whose calls wait for the memory that they accept

[check]                               # what is no problem
checkpatch_ignore = []                # types of checkpatch, as "MISSING_SIGN_OFF"
console_allow = []                    # regular expressions, as "WARNING: .* known_function"
"""


def commented(spec: Spec, fragments: tuple[Path, ...], file: Path) -> str:
    """Return a series.toml with comments that stands for a spec of commits; `fragments` are those that its tree calls for.

    Raises BadInputError where the tree's path is none that TOML can hold.
    """
    assert isinstance(spec.base, GitBase)
    if shown(str(spec.base.repository)) != str(spec.base.repository):
        raise BadInputError(
            f"{spec.base.repository}: the name is not UTF-8 or has control characters, which {FILE} cannot contain"
        )
    return _TOML.format(
        file=shown(str(file)), name=json.dumps(spec.name), title=json.dumps(spec.title, ensure_ascii=False),
        tree=json.dumps(str(spec.base.repository), ensure_ascii=False), commit=base.ensure(spec.base).commit,
        fragments=json.dumps([str(one) for one in fragments]),
    )  # fmt: skip
