# SPDX-License-Identifier: GPL-2.0-only
"""Options of commands that make many runs: how many at a time, and where they are kept."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def jobs_option(panel: str | None = None) -> Any:
    """Return the declaration of --jobs, for `Annotated`; `panel` is its place in the help."""
    return typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        help="Number of cores to use. Default: all.",
        rich_help_panel=panel,
    )


def folder_option(what: str, panel: str | None = None) -> Any:
    """Return the declaration of --out for the folder of a campaign or an exploration, for `Annotated`."""
    return typer.Option(
        metavar="DIR",
        help=f"Folder of the {what}. Default: one in the cache.",
        rich_help_panel=panel,
    )


JobsOption = Annotated[int | None, jobs_option()]
