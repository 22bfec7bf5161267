# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acceptlab.analysis import exit_codes
from acceptlab.toolkit.cli.judged_runs import judge_run, judge_runs
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.replay_explain import explain

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.")]


def replay(
    runs: Runs,
    page: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Print the history of the page at this guest address."
        ),
    ] = None,
    why: Annotated[
        str | None,
        typer.Option(
            metavar="FINDING",
            help="Explain a finding: I2 is the first finding of I2, I2#3 the third.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge runs from their traces alone.

    Exit code: 0 all clean; 1 findings; 2 wrong usage, or a folder is not usable; 3 this machine can't; 4 undecided: nothing wrong
    was seen, and not all could be seen; 5 a fault of acceptlab.
    """
    if page is not None or why is not None:
        explain(runs, page, why, as_json)
        return
    if as_json:
        verdicts = [judge_run(run) for run in runs]
        pairs = zip(runs, verdicts, strict=True)
        print_json([{"run": str(run), **verdict.to_json()} for run, verdict in pairs])
        raise typer.Exit(exit_codes.heaviest(verdict.exit_code for verdict in verdicts))
    raise typer.Exit(judge_runs(runs))
