# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab collect --guest`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.toolkit.cli.judged_runs import judge_runs
from acceptlab.toolkit.cli.output import print_json
from acceptlab.toolkit.errors import EXIT_OK, EXIT_UNDECIDED
from acceptlab.toolkit.run.new_folder import fresh


def collect_guest(
    out: Path | None,
    platform: str | None,
    seconds: float | None,
    skip: Sequence[str],
    replay: bool,
    as_json: bool,
) -> None:
    """Record this machine's kernel until it is enough; Ctrl-C is the usual end, and no error."""
    from acceptlab.toolkit.collect import permission
    from acceptlab.toolkit.collect.guest_run import collect  # loads pyarrow

    permission.check_kprobes()
    folder = out or fresh("guest")
    try:
        done = collect(folder, platform, seconds, ("acceptlab", *sys.argv[1:]), skip)
    except BaseException:
        if out is None:
            folder.rmdir()  # ours, and as empty as it was found
        raise
    events = done.info.events
    code = EXIT_OK if events.complete else EXIT_UNDECIDED
    if replay:
        code = heaviest((code, judge_runs([folder], quiet=as_json)))
    if as_json:
        print_json(
            {
                "run": str(folder),
                "functions": list(done.functions),
                "events": events.count,
                "lost": done.lost,
                "complete": events.complete,
                "problem": events.problem,
                "exit_code": code,
            }
        )
    else:
        typer.echo(f"{events.count:,} events of {', '.join(done.functions)}; {done.lost:,} lost")
        typer.echo(folder)
    raise typer.Exit(code)
