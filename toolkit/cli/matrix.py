# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli.many_runs import JobsOption
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.qemu import emulator_build


def matrix(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="Sweep specification (TOML).")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the matrix. Default: one in the cache, named after the spec.",
        ),
    ] = None,
    jobs: JobsOption = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="List the runs without starting them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Boot every combination that SPEC.toml describes, judge and count each, and compare them in one table and one HTML page.

    cover = "pairs" in the spec takes, instead of every combination, as few as have every two values together that go together.

    Several runs go on at a time, as many as cores and memory allow. A run that has ended is kept: only missing or changed ones
    are made the next time. The folder gets matrix.json, table.txt, matrix.html and a run folder per cell.

    Exit code: 0 all clean; 1 a run has findings or did not reach userspace; 2 bad spec, or a run that could not be made; 3 a
    kernel of the spec is missing, or this machine can't; 4 a run is undecided; 5 a fault of acceptlab.
    """
    from acceptlab.toolkit.matrix.sweep_spec import read_spec
    from acceptlab.toolkit.runs.scheduler import room_here

    wanted = read_spec(spec)
    if plan:
        lines = [
            {"sweep": sweep.name, **cell.labels, "run": cell.options.reproduce(cell.options.kernel)}
            for sweep in wanted.sweeps
            for cell in sweep.cells
        ]
        if as_json:
            print_json(lines)
        else:
            typer.echo("\n".join(line["run"] for line in lines))
        return
    room = room_here(jobs)
    from acceptlab.analysis.report.matrix.matrix_text import summary
    from acceptlab.toolkit.matrix.sweep import exit_code, perform

    home = out or cache() / "matrix" / wanted.name
    sheet = perform(wanted, emulator_build.ensure(), home, room)
    code = exit_code(sheet)
    if as_json:
        print_json({**sheet.to_json(), "folder": str(home), "exit_code": code})
    else:
        typer.echo("\n\n".join(summary(sweep) for sweep in sheet.sweeps))
        typer.echo(f"\n{home / 'matrix.html'}")
    raise typer.Exit(code)
