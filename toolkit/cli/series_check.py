# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series check|b4-check`."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, redirect_stderr
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli.many_runs import JobsOption
from acceptlab.toolkit.cli.run_parameters import PLATFORMS, choice, offered
from acceptlab.toolkit.cli.series_options import (
    BaseVersionOption,
    RangeOption,
    SandboxOption,
    SeriesArgument,
    SpecOption,
    TreeOption,
    VersionOption,
    applied,
    patch_number,
    series_of,
)
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.scheduler import room_here
from acceptlab.toolkit.series.apply import Applied
from acceptlab.toolkit.series.checks import b4_input
from acceptlab.toolkit.series.checks.check_text import as_text
from acceptlab.toolkit.series.checks.machine_forms import as_b4, as_b4_lines, as_junit, as_ktap
from acceptlab.toolkit.series.checks.problems import SeriesCheck
from acceptlab.toolkit.series.checks.series_check import Plan, perform
from acceptlab.toolkit.series.mailbox import MOST_BYTES
from acceptlab.toolkit.series.message import read_message
from acceptlab.toolkit.whole_files import write_whole


class Format(StrEnum):
    """What `series check` can print."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    KTAP = "ktap"


class B4Form(StrEnum):
    """What b4 reads of a check command: `b4 review` JSON, `b4 prep --check` and `b4 am` lines as checkpatch's."""

    JSON = "json"
    LINES = "lines"


PlatformOption = Annotated[
    list[str] | None,
    typer.Option(**choice("platform"), help="Platform to boot on. May be repeated. Default: both."),
]


def check(
    series: SeriesArgument = "",
    spec: SpecOption = None,
    tree: TreeOption = None,
    commits: RangeOption = "",
    use_version: VersionOption = None,
    base_version: BaseVersionOption = "",
    patch: Annotated[
        list[str] | None,
        typer.Option(metavar="N|last", help="Check this patch. May be repeated. Default: all."),
    ] = None,
    platform: PlatformOption = None,
    memory: Annotated[str, typer.Option(help="RAM of the guests.")] = "2G",
    cpus: Annotated[int, typer.Option(help="Their vCPUs.")] = 1,
    accept: Annotated[
        str, typer.Option(metavar="POLICY", autocompletion=offered("accept"), help="As for `run`.")
    ] = "lazy",
    append: Annotated[
        str, typer.Option(metavar="TEXT", help="Additional kernel command line parameters.")
    ] = "",
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:ARG",
            autocompletion=offered("workload"),
            help="Additional work in userspace of each boot, as for `run`. May be repeated.",
        ),
    ] = None,
    time_limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="Stop a guest after this wall time.")
    ] = 300.0,
    form: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TEXT,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Output file. Default: stdout.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    sandbox: SandboxOption = False,  # noqa: ARG001 (its callback acts)
    jobs: JobsOption = None,
) -> None:
    """Check every patch: it builds (W=1), checkpatch and sparse, it boots on both platforms, nothing bad on the console, verdict.

    Only what a patch newly brings counts against it: each kernel is held against the one before, the first against the base.
    Results are cached: after a change, or Ctrl-C, only the rest is done. The table [check] of series.toml names checkpatch's
    types (checkpatch_ignore) and which console lines (console_allow, regular expressions) are no problem; [[check.boots]] adds
    boots with a name and options of their own, for patches whose functions the usual ones do not execute.

    Exit code: 0 nothing new, 1 some patch brings a problem, 2 bad input (a patch does not apply), 3 this machine can't,
    4 a boot is undecided, and was not before, 5 a fault of acceptlab.
    """
    options = _options(memory, cpus, accept, append, time_limit, workload or [])
    done = applied(series_of(series, spec, tree, commits, base_version, use_version))
    total = len(done.series.patches)
    numbers = sorted(
        {total if one == "last" else patch_number(one, total) for one in patch or []} - {0}
    )
    result = _perform(done, numbers or list(range(1, total + 1)), platform, options, jobs)
    text = _shown(result, Format.JSON if as_json else form)
    if out is not None:
        write_whole(out, text)
        typer.echo(out)
    else:
        typer.echo(text, nl=False)
    raise typer.Exit(result.exit_code)


def b4_check(
    series: SeriesArgument = "",
    spec: SpecOption = None,
    tree: TreeOption = None,
    commits: RangeOption = "",
    use_version: VersionOption = None,
    platform: PlatformOption = None,
    form: Annotated[B4Form, typer.Option("--format", help="Output format.")] = B4Form.JSON,
    sandbox: SandboxOption = False,  # noqa: ARG001 (its callback acts)
    jobs: JobsOption = None,
) -> None:
    """Be a check command of b4: read one mail of a series from stdin, print what b4 reads.

    A patch is checked as `series check` does, a cover letter stands for all patches. To use it in `b4 review`, for a series of
    your tree:
      git config b4.review-perpatch-check-cmd 'acceptlab series b4-check'

    `b4 prep --check` (b4.prep-perpatch-check-cmd) and `b4 am` (b4.am-perpatch-check-cmd) take --format lines: a line for each
    problem, and nothing else, as b4 takes all that a command says for a problem.
    """
    raw = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise BadInputError(f"the mail is larger than {MOST_BYTES >> 20} MiB")
    mail = read_message(raw, "stdin")
    with redirect_stderr(StringIO()) if form is B4Form.LINES else nullcontext():
        found = series_of(series, spec, tree, commits, use_version=use_version)
    numbers = b4_input.numbers_of(mail, found.patches)
    options = _options("2G", 1, "lazy", "", 300.0, [])
    if form is B4Form.JSON:
        result = _perform(applied(found), numbers, platform, options, jobs)
        typer.echo(json.dumps(as_b4(result.patches), indent=2))
        return
    with redirect_stderr(StringIO()):
        result = _perform(applied(found), numbers, platform, options, jobs)
    typer.echo("".join(f"{line}\n" for line in as_b4_lines(result.patches)), nl=False)


def _options(
    memory: str, cpus: int, accept: str, append: str, time_limit: float, workloads: list[str]
) -> RunOptions:
    return RunOptions(
        "", memory=memory, cpus=cpus, accept=accept, firmware_accepts="minimal", append=append,
        workloads=("touch:64M", *workloads), time_limit=time_limit,
    )  # fmt: skip


def _perform(
    done: Applied,
    numbers: list[int],
    platform: list[str] | None,
    options: RunOptions,
    jobs: int | None,
) -> SeriesCheck:
    if not numbers:
        raise BadInputError("the base is not a patch: nothing to check")
    platforms = list(dict.fromkeys(platform or PLATFORMS))
    plan = Plan(numbers, platforms, options, done.series.spec.rules)
    return perform(done, plan, emulator_build.ensure(), room_here(jobs))


def _shown(result: SeriesCheck, form: Format) -> str:
    if form is Format.JSON:
        return json.dumps(result.to_json(), indent=2) + "\n"
    return {Format.TEXT: as_text, Format.JUNIT: as_junit, Format.KTAP: as_ktap}[form](result)
