# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series export`."""

from __future__ import annotations

import shlex
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
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.series import mails as exporting
from acceptlab.toolkit.series.bench_table import table_of
from acceptlab.toolkit.series.mailbox import cover_in
from acceptlab.toolkit.series.mails import EDITME, Letter
from acceptlab.toolkit.series.maintainers import Recipients, suggested


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
    link: Annotated[
        str, typer.Option(metavar="URL", help="Where the earlier version can be read.")
    ] = "",
    cover: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Cover letter: a mail, or text with its subject as first line."
        ),
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

    The cover letter's text is that of --cover, else the series' own (b4's, 0000-cover-letter.patch, cover-letter.txt); EDITME
    stands where only you can say something. It is from the user of the tree. No line of the table is wider than 72 columns, and
    its kernels have to be the series'. Recipients are suggested, by the tree's get_maintainer.pl; nothing is sent (git send-email, b4).
    """
    told = cover_in(cover) if cover else None
    done = applied(series_of(series, spec, tree, commits, base_version, use_version))
    table = table_of(bench, done) if bench else ""
    letter = Letter(version, previous, link, table, told)
    files = exporting.export(done, out, letter)
    found = suggested(done, files[1:])
    if EDITME in files[0].read_text(encoding="utf-8"):
        say(f"warning: {files[0]} has places to fill in, marked {EDITME}")
    if as_json:
        print_json(
            {
                "cover": str(files[0]), "patches": [str(file) for file in files[1:]],
                "to": list(found.to), "cc": list(found.cc),
            }
        )  # fmt: skip
    else:
        typer.echo("\n".join(map(str, files)))
        _suggest(found)


def _suggest(found: Recipients) -> None:
    """Say on stderr to whom get_maintainer.pl would send it."""
    if found.to or found.cc:
        words = [*(f"--to={one}" for one in found.to), *(f"--cc={one}" for one in found.cc)]
        say(f"suggested, not sent: git send-email {shlex.join(words)}")
