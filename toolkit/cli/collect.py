# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab collect`."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.toolkit.cli.collect_boot import Boot, collect_boot
from acceptlab.toolkit.cli.collect_guest import collect_guest
from acceptlab.toolkit.cli.judged_runs import judge_runs
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.run_parameters import choice
from acceptlab.toolkit.errors import EXIT_OK, EXIT_UNDECIDED, BadInputError, InterruptedByUserError
from acceptlab.toolkit.run.new_folder import fresh
from acceptlab.toolkit.sizes import parse_size

if TYPE_CHECKING:
    from acceptlab.toolkit.collect.emulator import Collected

_LEAST_BUFFER = 4096


def collect(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- KERNEL OPTIONS...]",
            help="Start this run (arguments of `acceptlab run`) and collect from its first event.",
        ),
    ] = None,
    emulator: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|PID",
            help="Collect from a running emulator: its run folder or process id.",
        ),
    ] = None,
    guest: Annotated[
        bool,
        typer.Option(
            "--guest",
            help="Collect from this machine's own kernel, as a confidential guest.",
        ),
    ] = False,
    boot: Annotated[
        Boot | None,
        typer.Option(
            help="Trace a kernel from boot: print its parameters (cmdline, bootconfig), or read the recording (read)."
        ),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(
            **choice("platform"),
            help="With --guest and --boot: the guest's platform, if it cannot be detected.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="With --guest: duration. Default: until Ctrl-C."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FUNCTION",
            help="With --guest: a function of the kernel's own patches that only carries out an accept; its caller is the cause. May be repeated.",
        ),
    ] = None,
    initrd: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --boot bootconfig: write a copy of this initrd with the bootconfig appended to --out.",
        ),
    ] = None,
    buffer: Annotated[str, typer.Option(metavar="SIZE", help="Size of the event buffer.")] = "32M",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Run folder, new or empty. Default: a new one in the cache.",
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Judge the run afterwards, like `acceptlab replay`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Record the events of a live emulator or guest by eBPF (as root), and print the folder of the recorded run as the last line.

    Exit code: 0 every event was recorded; 1 --replay found something; 2 wrong usage; 3 this machine can't; 4 events are
    missing, or --replay cannot decide; 5 a fault of acceptlab.
    """
    if sum((emulator is not None, bool(words), guest, boot is not None)) != 1:
        raise BadInputError(
            "nothing to collect from: give --emulator RUN|PID, --guest, --boot, or a run to start: collect -- debian:6.12 --platform tdx"
        )
    kind = platform
    if boot is not None:
        collect_boot(boot, kind, initrd, out, as_json)
    elif guest:
        collect_guest(out, kind, seconds, skip or [], replay, as_json)
    else:
        _collect_emulator(words or [], emulator, buffer, out, replay, as_json)


def _collect_emulator(
    words: list[str],
    emulator: str | None,
    buffer: str,
    out: Path | None,
    replay: bool,
    as_json: bool,
) -> None:
    # These load pyarrow and rich, which a wrong command line need not wait for.
    from acceptlab.toolkit.collect import emulators, permission, started
    from acceptlab.toolkit.collect.emulator import collect as collect_emulator

    ring = _ring(buffer)
    permission.check_uprobes()
    source = nullcontext(emulators.find(emulator)) if emulator else started.held(words)
    with source as live:
        folder = out or fresh(f"{live.platform}-collected")
        try:
            done = collect_emulator(live, folder, ring, _reproduce())
        except BaseException:
            if out is None:
                folder.rmdir()  # ours, and as empty as it was found
            raise
    code = EXIT_OK if done.problem is None else EXIT_UNDECIDED
    if replay and not done.interrupted:
        code = heaviest((code, judge_runs([done.folder], quiet=as_json)))
    _show(done, code, as_json)
    raise typer.Exit(code)


def _ring(text: str) -> int:
    """Return the size of the ring in bytes: the kernel takes powers of two, of a page or more."""
    size = parse_size(text, what="--buffer")
    if size < _LEAST_BUFFER or size & (size - 1):
        raise BadInputError(f"--buffer {text}: give a power of two of at least 4K, such as 32M")
    return size


def _reproduce() -> str:
    return shlex.join(["acceptlab", *sys.argv[1:]])


def _show(done: Collected, code: int, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "run": str(done.folder),
                "events": done.events,
                "lost": done.lost,
                "complete": done.problem is None,
                "problem": done.problem,
                "exit_code": code,
            }
        )
    else:
        typer.echo(f"{done.events:,} events, {done.lost:,} lost")
        if done.problem:
            typer.echo(f"incomplete: {done.problem}")
        typer.echo(done.folder)
    if done.interrupted:
        raise InterruptedByUserError(f"interrupted; the partial run is in {done.folder}")
