# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab run`."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.analysis.run.ktap import FAILED, KtapResults
from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.judged_runs import judge_runs
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.run_parameters import options_from, with_run_options
from acceptlab.toolkit.errors import (
    EXIT_FINDINGS,
    EXIT_MACHINE,
    EXIT_OK,
    BadInputError,
    InterruptedByUserError,
)
from acceptlab.toolkit.guest import command
from acceptlab.toolkit.kernels import debian_kernels
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.backend import Backend, Emulated
from acceptlab.toolkit.run.emulator_run import Finished, planned
from acceptlab.toolkit.run.new_folder import fresh
from acceptlab.toolkit.run.options import RunOptions

if TYPE_CHECKING:
    from acceptlab.toolkit.guest.shell import Shell

_OUT = "Output"


@with_run_options
def run(
    kernel: Annotated[
        str,
        typer.Argument(
            autocompletion=completers.kernels,
            help="debian:newest (the newest release that the archive has), debian:VERSION or debian:SUITE, optionally with /cloud, /generic or /rt (debian:7.3/rt), a name that "
            "`kernel list` shows, a bzImage, a .deb, or a folder: a build tree, an unpacked package, /usr/lib/modules/V.",
        ),
    ] = "",
    program: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- PROGRAM ARG...]",
            help="Program of this machine to run in the guest, as with --exec.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Run folder, new or empty. Default: a new one in the cache.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Judge the run afterwards, like `acceptlab replay`.",
            rich_help_panel=_OUT,
        ),
    ] = False,
    stop_on_finding: Annotated[
        bool,
        typer.Option(
            "--stop-on-finding",
            help="Judge the run while the guest runs, too (I1, I2, I3, I7 and I9), and stop the guest at the first finding.",
            rich_help_panel=_OUT,
        ),
    ] = False,
    keep_handoff: Annotated[
        bool,
        typer.Option(
            "--keep-handoff",
            "--keep-handoff",
            help="Keep the boot handoff's files (loaded into guest memory) in RUN/handoff.",
            rich_help_panel=_OUT,
        ),
    ] = False,
    dry: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Prepare the boot handoff and print the emulator's command line (with --hardware, QEMU's) without running it.",
            rich_help_panel=_OUT,
        ),
    ] = False,
    shell: Annotated[
        bool,
        typer.Option(
            "--shell",
            help="A shell in userspace, after the workloads, on this terminal; exit or Ctrl-A X ends it. If standard input is no "
            "terminal, the shell's commands are read from it; exit code 1 if the last one fails.",
            rich_help_panel="Workload",
        ),
    ] = False,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Boot KERNEL as a confidential guest, record every acceptance, and print the run's folder as the last line.

    Exit code: 0 the guest reached userspace; 1 it did not, or --replay found something; 2 wrong usage; 3 this machine can't,
    or the emulator was killed; 4 --replay cannot decide; 5 a fault of acceptlab.
    """
    if program:
        if given["exec"]:
            raise BadInputError("--exec and a program behind --: give one of them")
        given["exec"] = shlex.join(program)
    options = options_from(kernel, given)
    if not kernel:
        kernel = debian_kernels.ensure_default()
        options = replace(options, kernel=kernel)
    image = resolve(kernel)
    wanted, options = _shell(options) if shell else (None, options)
    if stop_on_finding:
        _check_stop(options, wanted)
    means: Backend = (
        _host()
        if options.hardware
        else Emulated(emulator_build.ensure(), keep_handoff, wanted, stop_on_finding)
    )
    folder = out or fresh(f"{options.platform}-{options.memory}-{options.accept}")
    try:
        if dry:
            line = means.dry_run(options, image, folder)
            if as_json:
                print_json(planned(line, folder, hardware=options.hardware))
            else:
                typer.echo(line)
            if out is None and not any(folder.iterdir()):
                folder.rmdir()
            return
        finished = means.perform(options, image, folder)
    except BaseException:
        if out is None:
            folder.rmdir()  # ours, and as empty as `perform` found it
        raise
    lines, end = (
        command.output_of(finished.folder / "console.log")
        if options.program or (wanted and not wanted.is_interactive)
        else ([], "exit 0")
    )
    unmounted = _why_no_root(finished) if options.root else ""
    tests = _tests(finished) if options.kunit else None
    is_fine = end == "exit 0" and not unmounted
    code = heaviest((_exit_code(finished), EXIT_OK if is_fine else EXIT_FINDINGS))
    if tests is not None and (tests.missing or not tests.results or tests.count(FAILED)):
        code = heaviest((code, EXIT_FINDINGS))
    if (replay or stop_on_finding) and options.events and not finished.interrupted:
        code = heaviest((code, judge_runs([finished.folder], quiet=as_json)))
    if as_json:
        print_json(
            _shown(finished, code)
            | ({"program": {"output": lines, "end": end}} if options.program or wanted else {})
            | ({"tests": tests.to_json()} if tests is not None else {})
        )
    else:
        for line in lines:
            typer.echo(line)
        if unmounted:
            typer.echo(f"--root: not mounted: {unmounted}", err=True)
        if end != "exit 0":
            typer.echo(f"the program ended: {end or 'not known'}", err=True)
        if tests is not None:
            _print_tests(tests)
        reason = f": {finished.outcome.reason}" if finished.outcome.reason else ""
        typer.echo(f"{finished.outcome.word}{reason}")
        if finished.stopped:
            _print_way_there(finished)
        typer.echo(finished.folder)
    if finished.interrupted:
        raise InterruptedByUserError(f"interrupted; the partial run is in {finished.folder}")
    raise typer.Exit(code)


def _why_no_root(finished: Finished) -> str:
    from acceptlab.toolkit.run.root_on_disk import why_not_mounted

    return why_not_mounted((finished.folder / "console.log").read_text(errors="replace"))


def _tests(finished: Finished) -> KtapResults:
    """Return what came of the kernel's tests; of a guest that did not come so far, that there are none."""
    from acceptlab.analysis.run.console import read_console

    return read_console(finished.folder / "console.log").tests or KtapResults()


def _print_tests(tests: KtapResults) -> None:
    for one in tests.results:
        why = f" ({one.why})" if one.why else ""
        typer.echo(f"{one.outcome}: {one.name}{why}")
    typer.echo(f"tests: {tests.sentence()}")


def _check_stop(options: RunOptions, shell: Shell | None) -> None:
    """Raise BadInputError for what --stop-on-finding cannot judge while the guest runs."""
    for name, given in (
        ("--hardware", options.hardware),
        ("--no-events", not options.events),
        ("--firmware", options.has_firmware),
        ("--shell on a terminal", shell is not None and shell.is_interactive),
    ):
        if given:
            raise BadInputError(f"--stop-on-finding and {name}: give one of them")


def _print_way_there(finished: Finished) -> None:
    """Print the line that halts the same guest at the finding for which this one was stopped."""
    from acceptlab.analysis.run.run_folder import Run

    found = re.search(r"first finding, of (I\d+)", finished.outcome.reason)
    if found and not Run.open(finished.folder).info.not_repeatable:
        line = ["acceptlab", "debug", str(finished.folder), "--at", found[1]]
        typer.echo(f"to halt the guest there: {shlex.join(line)}")


def _host() -> Backend:
    """Return this machine as a host."""
    from acceptlab.toolkit.hardware.host import Host  # loads all readers of traces

    return Host()


def _shell(options: RunOptions) -> tuple[Shell, RunOptions]:
    """Return the shell of --shell, and the options with it: a person is given all the time that there is."""
    from acceptlab.toolkit.guest.shell import from_standard_input

    for name, given in (
        ("--exec or a program behind --", options.program),
        ("--initrd", options.initrd),
        ("--hardware", options.hardware),
    ):
        if given:
            raise BadInputError(f"--shell and {name}: give one of them")
    shell = from_standard_input()
    if shell.is_interactive and options.time_limit == RunOptions.time_limit:
        options = replace(options, time_limit=math.inf)
    return shell, options


def _exit_code(finished: Finished) -> int:
    if finished.outcome.word == "userspace":
        return EXIT_OK
    if finished.stopped:
        return EXIT_FINDINGS
    return EXIT_MACHINE if finished.outcome.word == "killed" else EXIT_FINDINGS


def _shown(finished: Finished, code: int) -> dict[str, object]:
    events = finished.events
    return {
        "run": str(finished.folder),
        "outcome": finished.outcome.word,
        "reason": finished.outcome.reason,
        "events": events.events if events else None,
        "complete": events.complete if events else None,
        "emulator_wall_seconds": round(finished.seconds, 3),
        "exit_code": code,
    }
