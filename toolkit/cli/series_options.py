# SPDX-License-Identifier: GPL-2.0-only
"""Options of every `acceptlab series` command that select the series and its base."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import sandbox
from acceptlab.toolkit.kernels.kbuild import is_kernel_tree
from acceptlab.toolkit.series import apply, base
from acceptlab.toolkit.series.bundled import path_of
from acceptlab.toolkit.series.own_commits import is_range, repository_at
from acceptlab.toolkit.series.series_source import Series, read_range, read_series
from acceptlab.toolkit.series.series_spec import DebianBase

SeriesArgument = Annotated[
    str,
    typer.Argument(
        metavar="[SERIES]",
        autocompletion=completers.series,
        help="A folder with series.toml or of patches, an mbox, commits A..B of the tree here, or a name that `series list` shows; "
        "by itself what the tree here has on top of its upstream branch.",
    ),
]
SpecOption = Annotated[
    Path | None,
    typer.Option("--spec", metavar="FILE", help="series.toml for a source without one."),
]
TreeOption = Annotated[
    Path | None,
    typer.Option(
        "--tree",
        metavar="DIR",
        help="Git repository; it is only read. Default: the current one.",
    ),
]
RangeOption = Annotated[
    str, typer.Option("--range", metavar="A..B", help="Commits of the series; A is the base.")
]
BaseVersionOption = Annotated[
    str,
    typer.Option(
        "--base-version",
        metavar="VERSION",
        help="Use this version of the base's Debian package instead.",
    ),
]

VersionOption = Annotated[
    int | None,
    typer.Option(
        "--use-version", metavar="N", min=1,
        help="Select [PATCH vN] from mails with several versions. Default: the newest complete version.",
    ),
]  # fmt: skip


def _sandboxed(wanted: bool) -> bool:
    if wanted:
        sandbox.request()
    return wanted


SandboxOption = Annotated[
    bool,
    typer.Option(
        "--sandbox", callback=_sandboxed,
        help="Run the tree's Makefile and scripts without network, home and ccache (by bubblewrap).",
    ),
]  # fmt: skip


def series_of(
    argument: str,
    spec: Path | None,
    tree: Path | None,
    commits: str,
    base_version: str = "",
    use_version: int | None = None,
) -> Series:
    """Return the series that the options name, without any what the tree around us has on top of its upstream branch.

    Raises BadInputError when they name none, or two.
    """
    if argument and not commits and is_range(argument):
        argument, commits = "", argument
    if argument and commits:
        raise BadInputError("give one series: SERIES, or --tree DIR --range A..B")
    if argument:
        series = read_series(path_of(argument), spec, use_version, tree)
    else:
        series = read_range(tree or _tree_around(commits), commits, spec)
    if not base_version:
        return series
    if not isinstance(series.spec.base, DebianBase):
        raise BadInputError("--base-version: the base of this series is not a Debian package")
    other = replace(series.spec.base, version=base_version)
    return replace(series, spec=replace(series.spec, base=other))


def _tree_around(commits: str) -> Path:
    """Return the git repository that the current folder is in; without commits it has to be a kernel's."""
    top = repository_at(Path.cwd())
    if top is None or (not commits and not is_kernel_tree(top)):
        raise BadInputError(
            "give one series: SERIES (a folder, an mbox) or commits A..B; or none in a kernel git tree (--tree DIR for another tree)"
        )
    return top


def applied(series: Series) -> apply.Applied:
    """Return the series on its base, both made ready first if need be."""
    if series.spec.config is not None:
        series.spec.config.wanted()  # a bad fragment is found before anything is fetched
    return apply.apply(series, base.ensure(series.spec.base))


def patch_number(text: str, patches: int) -> int:
    """Return how many patches a --patch option stands for: a number, or `base` for none. Raises BadInputError."""
    if text in ("base", "0"):
        return 0
    if text.isdecimal() and 1 <= int(text) <= patches:
        return int(text)
    raise BadInputError(f"--patch {text}: must be base, or 1 to {patches}")
