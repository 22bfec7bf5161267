# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab batch`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache


def batch(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...", help="Run folders, or directories that contain run folders."
        ),
    ],
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, metavar="N", help="Number of processes. Default: one per core."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Judge on the workers of this Dask scheduler, such as tcp://host:8786. They must see the same folders.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.parquet", help="Also write the dataset to this file, one row per run."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge many runs as one dataset: a row for each, every invariant over all of them, and what is wrong where.

    Nothing is written into the runs. Exit code: 0 all clean; 1 a finding; 2 a folder is not usable; 3 Dask is missing, or no
    scheduler answers; 4 no finding, and a run is undecided; 5 a fault of acceptlab.
    """
    if jobs is not None and scheduler is not None:
        raise BadInputError(
            "--jobs applies to this machine only, not to the workers of a scheduler; drop one of the two"
        )
    from acceptlab.analysis.batch.find_runs import run_folders
    from acceptlab.toolkit.batch.engines import dask_engine, local_engine
    from acceptlab.toolkit.batch.judging import judge_all

    folders = run_folders(places)
    if scheduler is not None:
        engine = dask_engine(scheduler)
    else:
        engine = local_engine(min(jobs or os.cpu_count() or 1, len(folders)))
    with engine as executor:
        dataset = judge_all(folders, executor, cache() / "symbols")
    if out is not None:
        dataset.write_parquet(out)
    if as_json:
        print_json(dataset.to_json())
    else:
        typer.echo(dataset.text())
    raise typer.Exit(dataset.exit_code)
