# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series list|show|apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json, print_table
from acceptlab.toolkit.cli.series_options import (
    BaseVersionOption,
    RangeOption,
    SeriesArgument,
    SpecOption,
    TreeOption,
    VersionOption,
    applied,
    series_of,
)
from acceptlab.toolkit.series.apply import check_out
from acceptlab.toolkit.series.bundled import own_series
from acceptlab.toolkit.series.message import files_of
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.series.series_spec import DebianBase, GitBase


def list_series(as_json: AsJson = False) -> None:
    """List the series that this repository brings."""
    found = own_series()
    if as_json:
        print_json([_shown(series) for series in found])
        return
    rows = [(one.name, str(len(one.patches)), base_text(one), one.spec.title) for one in found]
    print_table(("name", "patches", "base", "title"), rows)


def show(
    series: SeriesArgument = "",
    spec: SpecOption = None,
    tree: TreeOption = None,
    commits: RangeOption = "",
    use_version: VersionOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what a series is made of: its base, configuration and patches."""
    found = series_of(series, spec, tree, commits, use_version=use_version)
    if as_json:
        print_json(_shown(found))
        return
    config = found.spec.config
    typer.echo(f"{found.name}: {found.spec.title}")
    typer.echo(f"base     {base_text(found)}")
    typer.echo(f"config   {', '.join([config.target, *map(str, config.fragments)])}")
    typer.echo(f"compare  {', '.join(found.spec.compare) or 'nothing'}")
    for number, patch in enumerate(found.patches, 1):
        typer.echo(f"{number:4}  {patch.subject}")


def apply(
    series: SeriesArgument = "",
    spec: SpecOption = None,
    tree: TreeOption = None,
    commits: RangeOption = "",
    use_version: VersionOption = None,
    base_version: BaseVersionOption = "",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also check the result out there, as a git worktree."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Apply a series to its base by `git am`, in a worktree of its own: all of it or nothing.

    A patch that does not apply ends in one line with the patch, the file and the hunk, exit code 2, and nothing changed.
    """
    done = applied(series_of(series, spec, tree, commits, base_version, use_version))
    if out is not None:
        check_out(done, out)
    if as_json:
        made = [
            {"commit": one.sha, "tree": one.tree, "subject": one.subject} for one in done.commits
        ]
        print_json({"base": made[0], "patches": made[1:], "repository": str(done.base.repository)})
        return
    for number, commit in enumerate(done.commits):
        typer.echo(f"{number or 'base':>4}  {commit.sha[:12]}  {commit.subject}")
    typer.echo(out if out is not None else done.base.repository)


def base_text(series: Series) -> str:
    """Return a series' base in a few words."""
    base = series.spec.base
    if isinstance(base, DebianBase):
        return f"{base.package} {base.version}"
    return f"{base.repository} {base.commit}" if isinstance(base, GitBase) else base.file.name


def _shown(series: Series) -> dict[str, Any]:
    config = series.spec.config
    return {
        "name": series.name,
        "title": series.spec.title,
        "origin": series.origin,
        "base": base_text(series),
        "config": [config.target, *map(str, config.fragments)],
        "compare": list(series.spec.compare),
        "cover": series.cover.subject if series.cover else None,
        "patches": [
            {"file": one.file, "subject": one.subject, "touches": files_of(one.patch)}
            for one in series.patches
        ],
    }
