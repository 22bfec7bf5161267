# SPDX-License-Identifier: GPL-2.0-only
"""How every `acceptlab series` command is told which series, and on which base."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series import apply, base
from acceptlab.toolkit.series.bundled import path_of
from acceptlab.toolkit.series.own_commits import is_kernel_tree, is_range, repository_at
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
    typer.Option(
        "--spec", metavar="FILE", help="The series.toml for a source that has none of its own."
    ),
]
TreeOption = Annotated[
    Path | None,
    typer.Option(
        "--tree",
        metavar="DIR",
        help="Your git repository; by itself the one here. It is only read.",
    ),
]
RangeOption = Annotated[
    str, typer.Option("--range", metavar="A..B", help="The series is these commits, A its base.")
]
BaseVersionOption = Annotated[
    str,
    typer.Option(
        "--base-version",
        metavar="VERSION",
        help="Take this version of the base's Debian package instead.",
    ),
]

VersionOption = Annotated[
    int | None,
    typer.Option(
        "--use-version", metavar="N", min=1,
        help="Of mails with several versions take [PATCH vN]; by itself the newest that is whole.",
    ),
]  # fmt: skip
JobsOption = Annotated[int | None, typer.Option("--jobs", "-j", metavar="N", help="Cores to use.")]


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
        raise BadInputError("name one series: SERIES, or --tree DIR --range A..B")
    if argument:
        series = read_series(path_of(argument), spec, use_version, tree)
    else:
        series = read_range(tree or _tree_around(commits), commits, spec)
    if not base_version:
        return series
    if not isinstance(series.spec.base, DebianBase):
        raise BadInputError("--base-version: the base of this series is no Debian package")
    other = replace(series.spec.base, version=base_version)
    return replace(series, spec=replace(series.spec, base=other))


def _tree_around(commits: str) -> Path:
    """Return the git repository that the current folder is in; without commits it has to be a kernel's."""
    top = repository_at(Path.cwd())
    if top is None or (not commits and not is_kernel_tree(top)):
        raise BadInputError(
            "name one series: SERIES (a folder, an mbox), commits A..B, or none in a kernel's git tree; --tree DIR is another tree"
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
    raise BadInputError(f"--patch {text}: base, or 1 to {patches}")
