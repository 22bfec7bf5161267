# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab export`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import step


class Format(StrEnum):
    """What to write."""

    PERFETTO = "perfetto"
    CSV = "csv"
    PARQUET = "parquet"


SUFFIX = {Format.PERFETTO: "pftrace", Format.CSV: "csv", Format.PARQUET: "parquet"}


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    format: Annotated[
        Format,
        typer.Option(help="perfetto: timeline for ui.perfetto.dev; csv; parquet."),
    ] = Format.PERFETTO,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Output file. Default: RUN/events.pftrace or RUN/events.csv; Parquet needs one.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's events for other tools, and print the file's path.

    The timeline has a track per vCPU with accepts and their callers, tracks of its conversions and of probed calls (waits for
    locks among them), a track of stages and a counter of accepted memory. CSV and Parquet have the columns of events.parquet and
    the names of functions; the meaning of each is in FILE-metadata.json (CSV) or at the column itself (Parquet).
    """
    from acceptlab.analysis.export.function_names import FunctionNames
    from acceptlab.analysis.kernel.symbols import symbols_of_run
    from acceptlab.analysis.run.run_folder import Run
    from acceptlab.analysis.trace.events import (
        EventFile,  # loads pyarrow, which --help need not wait for
    )

    opened = Run.open(run)
    events = EventFile(opened.events_path)
    path = out or run / f"events.{SUFFIX[format]}"
    if path.exists() and path.samefile(opened.events_path):
        raise BadInputError(f"{path} is the run's own file: give another --out")
    with step(f"exporting {run.name or run}") as shown:

        def progress(done: int, total: int) -> None:
            shown.update(done, total, f"{done:,} of {total:,} events")

        names = FunctionNames(symbols_of_run(opened, cache() / "symbols").name_of)
        _writer(format)(opened.info, events, path, names, progress)
    if as_json:
        print_json({"file": str(path), "format": format.value, "events": events.events})
    else:
        typer.echo(path)


def _writer(format: Format) -> Callable[..., None]:
    """Return what writes a format; only that one is loaded."""
    if format is Format.PERFETTO:
        from acceptlab.analysis.export.perfetto import write_perfetto

        return write_perfetto
    if format is Format.CSV:
        from acceptlab.analysis.export.csv import write_csv

        return write_csv
    from acceptlab.analysis.export.parquet import write_parquet

    return write_parquet
