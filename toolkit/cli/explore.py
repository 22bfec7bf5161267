# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab explore`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.many_runs import folder_option, jobs_option
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.run_parameters import options_from, with_run_options
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.explore.schedules import KINDS, exploration
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.schedule import ROUND_ROBIN

_GROUP = "Exploration"


@with_run_options
def explore(
    kernel: Annotated[
        str,
        typer.Argument(
            metavar="KERNEL",
            help="Kernel, as `acceptlab run` takes it.",
            autocompletion=completers.kernels,
        ),
    ],
    *,
    schedules: Annotated[
        int,
        typer.Option(
            "--schedules",
            "-n",
            metavar="N",
            help="Number of schedules to try.",
            rich_help_panel=_GROUP,
        ),
    ] = 60,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Kind of schedule: random, pct or at-events. May be repeated. Default: all.",
            autocompletion=completers.one_of(KINDS),
            rich_help_panel=_GROUP,
        ),
    ] = None,
    first_seed: Annotated[
        int,
        typer.Option(
            metavar="SEED", min=0, help="Seed of the first schedule.", rich_help_panel=_GROUP
        ),
    ] = 1,
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going", help="Try all schedules, also after a hit.", rich_help_panel=_GROUP
        ),
    ] = False,
    reductions: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Runs that the reduction of a hit may take; 0: no reduction.",
            rich_help_panel=_GROUP,
        ),
    ] = 24,
    keep_events: Annotated[
        bool,
        typer.Option(
            "--keep-events", help="Keep the events of clean runs, too.", rich_help_panel=_GROUP
        ),
    ] = False,
    jobs: Annotated[int | None, jobs_option(_GROUP)] = None,
    out: Annotated[Path | None, folder_option("exploration", _GROUP)] = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Boot a kernel under many schedules of its vCPUs, judge each run, and reduce what is found.

    Each schedule is drawn from a seed and gives one run, always the same. A hit is a finding, or a guest that does not reach
    userspace; its schedule is limited to the shortest window that still shows it. Runs that have ended are kept in the folder:
    an interrupted exploration goes on where it was.

    Exit code: 0 no hit; 1 a hit; 2 wrong usage or bad input; 3 this machine can't; 4 a run is undecided; 5 a fault of acceptlab.
    """
    if given["schedule"] != ROUND_ROBIN:
        raise BadInputError(
            "--schedule: explore chooses the schedules; drop it (--kind, --first-seed)"
        )
    kinds = tuple(kind or KINDS)
    for one in kinds:
        if one not in KINDS:
            raise BadInputError(f"--kind {one}: must be one of {', '.join(KINDS)}")
    wanted = exploration(options_from(kernel, given), schedules, first_seed, kinds)
    from acceptlab.analysis.report.explore.explore_text import as_text
    from acceptlab.toolkit.explore import exploration as explorations
    from acceptlab.toolkit.runs.scheduler import room_here

    home = (
        out or cache() / "explore" / f"{re.sub('[^A-Za-z0-9.-]', '_', kernel)}-{given['platform']}"
    )
    sheet = explorations.explore(
        wanted, emulator_build.ensure(), home, room_here(jobs), keep_going, reductions, keep_events
    )
    if as_json:
        print_json({**sheet.to_json(), "folder": str(home), "exit_code": sheet.exit_code})
    else:
        typer.echo(as_text(sheet))
        typer.echo(f"\n{home / explorations.SHEET}")
    raise typer.Exit(sheet.exit_code)
