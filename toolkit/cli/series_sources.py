# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series list|show|apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from acceptlab.analysis.printable import shown
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
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.apply import check_out, configured
from acceptlab.toolkit.series.bundled import own_series
from acceptlab.toolkit.series.made_up import commented
from acceptlab.toolkit.series.message import files_of
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.series.series_spec import FILE, DebianBase, GitBase, NoBase
from acceptlab.toolkit.whole_files import write_whole


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
    """Show a series: base, configuration and patches."""
    found = series_of(series, spec, tree, commits, use_version=use_version)
    if as_json:
        print_json(_shown(found))
        return
    typer.echo(f"{found.name}: {found.spec.title}")
    typer.echo(f"base     {shown(base_text(found))}")
    typer.echo(f"config   {', '.join(_config(found)) or 'what guests need, by what the base has'}")
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
        typer.Option(metavar="DIR", help="Check out the result to this folder as a git worktree."),
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
    typer.echo(shown(str(out if out is not None else done.base.repository)))


def init(
    commits: Annotated[
        str,
        typer.Argument(
            metavar="[A..B]", help="Default: the commits on top of the upstream branch."
        ),
    ] = "",
    tree: TreeOption = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Output file; it must not exist.")
    ] = Path(FILE),
    as_json: AsJson = False,
) -> None:
    """Write a commented series.toml for commits of your tree, to change: configuration, kernels to compare with, what to let pass.

    None is needed. One in the tree's top folder is used for its commits; else name it, --spec FILE.
    """
    if out.exists():
        raise BadInputError(f"{out} exists: give --out another file")
    found = series_of("", None, tree, commits)
    spec = found.spec
    chosen = configured(found, base.ensure(spec.base)).spec.config
    write_whole(out, commented(spec, chosen.fragments if chosen else (), out))
    if as_json:
        print_json({"path": str(out), "name": spec.name})
    else:
        typer.echo(shown(str(out)))


def base_text(series: Series) -> str:
    """Return a series' base in a few words."""
    on = series.spec.base
    if isinstance(on, DebianBase):
        return f"{on.package} {on.version}"
    if isinstance(on, NoBase):
        return "not known"
    return f"{on.repository} {on.commit}" if isinstance(on, GitBase) else on.file.name


def _config(series: Series) -> list[str]:
    """Return target and fragments; none where the base's tree is to say."""
    config = series.spec.config
    return [config.target, *map(str, config.fragments)] if config else []


def _shown(series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "title": series.spec.title,
        "origin": series.origin,
        "base": base_text(series),
        "config": _config(series),
        "compare": list(series.spec.compare),
        "cover": series.cover.subject if series.cover else None,
        "patches": [
            {"file": one.file, "subject": one.subject, "touches": files_of(one.patch)}
            for one in series.patches
        ],
    }
