# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.replay import Runs
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.profiles import find_profile
from acceptlab.toolkit.progress import step

ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME|FILE",
        autocompletion=completers.profiles,
        help="Model times from published costs: a name in profiles/, such as tdx-shutemov-2024, or a TOML file.",
    ),
]


class Format(StrEnum):
    """What `report` can write."""

    TEXT = "text"
    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"


def report(
    runs: Runs,
    form: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TEXT,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Output file. Default: stdout; for HTML, report.html in the first run's folder.",
        ),
    ] = None,
    profile: ProfileName = None,
    static: Annotated[
        bool,
        typer.Option(
            "--static",
            help="HTML without scripts, charts as SVG, at most 100 kB, as for a mail. Implies --format html.",
        ),
    ] = False,
) -> None:
    """Report on one run, or compare several: text, Markdown, JSON, or one HTML page that works offline."""
    from acceptlab.analysis.report import render, write

    form = Format.HTML if static else form
    prices = find_profile(profile) if profile else None
    with step("writing the report") as progress:
        document = render(
            runs,
            form.value,
            symbols_cache=cache() / "symbols",
            profile=prices,
            progress=lambda done, total: progress.update(done, total),
            static=static,
        )
    if form is Format.HTML and out is None:
        out = runs[0] / "report.html"
    if out is None:
        typer.echo(document, nl=not document.endswith("\n"))
    else:
        write(document, out)
        typer.echo(out)
