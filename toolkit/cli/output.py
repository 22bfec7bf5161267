# SPDX-License-Identifier: GPL-2.0-only
"""How commands speak: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from acceptlab.analysis.printable import shown

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(answer: Any) -> None:
    """Print one JSON value on stdout."""
    typer.echo(json.dumps(answer, indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; as wide as it has to be when stdout is no terminal, so that nothing is cut."""
    # rich takes long to load, and most commands print no table.
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*map(shown, row))
    console.print(table, markup=False, highlight=False)
