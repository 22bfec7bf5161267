# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab import`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from acceptlab.analysis.run.platform import NAMES as PLATFORMS
from acceptlab.toolkit.cli.judged_runs import judge_runs
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.new_folder import fresh


def import_(
    file: Annotated[
        Path, typer.Argument(help="Recorded trace, plain or compressed (gzip, xz, zstd).")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Run folder, new or empty. Default: a new one in the cache."
        ),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(help="Platform of the guest (snp, tdx), if the file does not record it."),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="File format, if detection fails: text, qemu-log, ftrace, perf-script, emulator, trace-dat."
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Run in which the trace was recorded: source of kernel, machine and memory map.",
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Judge the run afterwards, like `acceptlab replay`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a run folder of a trace that something else recorded, and print the folder as the last line.

    Reads trace.dat (trace-cmd), text of ftrace, perf script and bpftrace, and the emulator's own stream and log. What such a
    trace cannot show is marked absent in run.json. A damaged file gives all that comes before the damage.

    Exit code: 0 imported; 1 --replay found something; 2 not usable; 3 trace-cmd is missing; 4 --replay cannot decide; 5 a fault
    of acceptlab.
    """
    from acceptlab.toolkit.importing.trace_import import FORMATS, Request, perform

    _check("--platform", platform, PLATFORMS)
    _check("--format", format, FORMATS)
    folder = out or fresh(f"import-{file.name}")
    try:
        finished = perform(Request(file, platform, format, run), folder)
    except BaseException:
        if out is None:
            folder.rmdir()  # ours, and as empty as `perform` found it
        raise
    info = finished.info
    imported = info.other["imported"]
    code = judge_runs([folder], quiet=as_json) if replay else 0
    if as_json:
        print_json(
            {
                "run": str(folder),
                "format": imported["format"],
                "platform": info.platform,
                "events": info.events.count,
                "complete": info.events.complete,
                "problem": info.events.problem,
                "absent": list(info.absent),
                "skipped": imported.get("skipped", 0),
                "sorted": imported.get("sorted", False),
            }
        )
    else:
        problem = f"; not complete: {info.events.problem}" if info.events.problem else ""
        for line in _notes(imported):
            typer.echo(line)
        typer.echo(f"{info.events.count:,} events{problem}")
        typer.echo(folder)
    raise typer.Exit(code)


def _notes(imported: dict[str, Any]) -> Iterator[str]:
    """What was done with the file, a line each."""
    if count := imported.get("skipped"):
        yield f"{count:,} line{'s' if count > 1 else ''} without an entry skipped, first: {imported['first_skipped']}"
    if imported.get("sorted"):
        yield "entries were out of order and have been sorted by time"


def _check(option: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise BadInputError(f"{option} {value}: must be one of {', '.join(allowed)}")
