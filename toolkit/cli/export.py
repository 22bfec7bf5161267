# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab export`."""

from __future__ import annotations

import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.errors import BadInputError
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
        typer.Option(
            help="perfetto: timeline for ui.perfetto.dev; csv; parquet: the native format."
        ),
    ] = Format.PERFETTO,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Output file. Default: RUN/events.pftrace or RUN/events.csv."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run's events for other tools, and print the file's path.

    The timeline has a track per vCPU with accepts as slices, a track of stages and a counter of accepted memory.
    """
    from acceptlab.analysis.run.run_folder import Run
    from acceptlab.analysis.trace.events import (
        EventFile,  # loads pyarrow, which --help need not wait for
    )

    opened = Run.open(run)
    events = EventFile(opened.events_path)
    path = out or run / f"events.{SUFFIX[format]}"
    if path.exists() and path.samefile(opened.events_path):
        raise BadInputError(f"{path} is the run's own file, already Parquet: give another --out")
    with step(f"exporting {run.name or run}") as shown:

        def progress(done: int, total: int) -> None:
            shown.update(done, total, f"{done:,} of {total:,} events")

        if format == Format.PERFETTO:
            from acceptlab.analysis.export.perfetto import write_perfetto

            write_perfetto(opened.info, events, path, progress)
        elif format == Format.CSV:
            from acceptlab.analysis.export.csv import write_csv

            write_csv(events, path, progress)
        else:
            _copy(opened.events_path, path)
    if as_json:
        print_json({"file": str(path), "format": format.value, "events": events.events})
    else:
        typer.echo(path)


def _copy(source: Path, path: Path) -> None:
    from acceptlab.analysis.files import written_beside

    with written_beside(path) as beside:
        shutil.copyfile(source, beside)
