# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json
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
from acceptlab.toolkit.series import mails as exporting

_TABLE = "bench.txt"


def export(
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the mails.")],
    series: SeriesArgument = "",
    spec: SpecOption = None,
    tree: TreeOption = None,
    commits: RangeOption = "",
    use_version: VersionOption = None,
    base_version: BaseVersionOption = "",
    version: Annotated[int, typer.Option(min=1, help="Version of the series (v2, v3 ...).")] = 1,
    previous: Annotated[
        Path | None,
        typer.Option(metavar="DIR|MBOX", help="Earlier version of the series, for a range-diff."),
    ] = None,
    bench: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Folder of `series bench --out DIR`: source of the cover letter's table.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a series as mails for the list: cover letter, patches, base-commit, range-diff, and the table of a bench.

    The cover letter's text is the series' own (0000-cover-letter.patch, cover-letter.txt), else its title. No line of the table
    is wider than 72 columns. Sign-offs, recipients and sending are yours (git send-email, b4).
    """
    table = _table(bench) if bench else ""
    done = applied(series_of(series, spec, tree, commits, base_version, use_version))
    files = exporting.export(done, out, version, previous, table)
    if as_json:
        print_json({"cover": str(files[0]), "patches": [str(file) for file in files[1:]]})
    else:
        typer.echo("\n".join(map(str, files)))


def _table(bench: Path) -> str:
    path = bench / _TABLE if bench.is_dir() else bench
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadInputError(
            f"no table {path}: create it with `acceptlab series bench --out DIR`"
        ) from None
