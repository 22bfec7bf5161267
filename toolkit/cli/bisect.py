# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab bisect`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from acceptlab.analysis.printable import shown
from acceptlab.toolkit.bisect.commits import bisect_commits
from acceptlab.toolkit.bisect.packages import Outcome, Tried, bisect_row, row
from acceptlab.toolkit.bisect.search import most_trials
from acceptlab.toolkit.bisect.trial import Trial, trial_of
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.run_words import options_of_words
from acceptlab.toolkit.errors import EXIT_OK, EXIT_UNDECIDED, BadInputError
from acceptlab.toolkit.kernels import debian_kernels, kernel_names
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import say, step
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import opened
from acceptlab.toolkit.runs.run_jobs import make_all
from acceptlab.toolkit.runs.scheduler import room_here
from acceptlab.toolkit.series.checks.boots import step_of
from acceptlab.toolkit.series.own_commits import repository_at


def bisect(
    good: Annotated[
        str, typer.Argument(help="A commit, or debian:VERSION, without the problem.")
    ] = "",
    bad: Annotated[
        str, typer.Argument(help="The same with the problem; older than GOOD to find a fix.")
    ] = "",
    *,
    run: Annotated[
        str,
        typer.Option(metavar="'OPTIONS'", help="Options of `acceptlab run` for each kernel."),
    ] = "",
    packages: Annotated[
        str,
        typer.Option(
            metavar="GOOD..BAD", help="Bisect over Debian's packaged kernels, such as 6.12..7.3."
        ),
    ] = "",
    tree: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Git repository; it is only read. Default: the current one."
        ),
    ] = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(metavar="FRAGMENT", help="As for `kernel build`. May be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the first bad commit, or the first bad packaged kernel: build or fetch, boot, judge.

    Bad is a kernel with the problem that BAD has and GOOD has not: a finding, or another end of the run. Kernels that do not
    build, or whose run ends in a third way, are skipped. With GOOD newer than BAD it finds the fix. Runs and objects are kept in the cache.

    Exit code: 0 found; 2 wrong usage, or GOOD and BAD do not differ; 3 this machine can't; 4 only skipped kernels are left.
    """
    options = options_of_words(run, "--run")
    if packages or good.startswith(kernel_names.PREFIX):
        ends = _ends_of(packages) if packages else (good, bad)
        if packages and (good or bad):
            raise BadInputError("give GOOD and BAD, or --packages GOOD..BAD")
        _over_packages(*ends, options, as_json)
        return
    if not (good and bad):
        raise BadInputError("give two commits, GOOD and BAD; or --packages GOOD..BAD")
    top = repository_at(tree or Path.cwd())
    if top is None:
        raise BadInputError(
            f"{shown(str(tree or Path.cwd()))} is not a git repository: give --tree DIR, or --packages GOOD..BAD"
        )
    _over_commits(top, good, bad, tuple(one.resolve() for one in config or ()), options, as_json)


def _ends_of(text: str) -> tuple[str, str]:
    good, dots, bad = text.partition("..")
    if not (good and dots and bad) or bad.startswith("."):
        raise BadInputError(f"--packages {text}: write GOOD..BAD, such as 6.12..7.3")
    return good, bad


def _over_packages(good: str, bad: str, options: RunOptions, as_json: bool) -> None:
    with step("querying Debian's archive") as progress:
        available = [one.name for one in debian_kernels.available(progress)]
    versions = [name for name in available if name.removeprefix(kernel_names.PREFIX)[:1].isdigit()]
    names = row(good, bad, versions)
    say(
        f"{len(names)} kernels from {names[0]} to {names[-1]}: at most {most_trials(names)} runs, if none is skipped"
    )
    found = bisect_row(names, lambda name: _tried(name, name, options), _tell)
    if as_json:
        print_json(
            {
                **_tried_json(found.tried),
                "good": found.good,
                "bad": found.bad,
                "open": list(found.open),
            }
        )
    else:
        for line in _outcome_lines(found):
            typer.echo(line)
    raise typer.Exit(EXIT_UNDECIDED if found.open else EXIT_OK)


def _outcome_lines(found: Outcome) -> list[str]:
    lines = [_line(one) for one in found.tried]
    lines.append(f"last good: {found.good}")
    lines.append(f"first bad: {found.bad}")
    if found.open:
        lines.append(f"between them, with another problem or not decided: {', '.join(found.open)}")
    return lines


def _over_commits(
    top: Path, good: str, bad: str, config: tuple[Path, ...], options: RunOptions, as_json: bool
) -> None:
    found = bisect_commits(
        top, good, bad, config, lambda kernel, name: _tried(kernel, name, options), _tell
    )
    code = EXIT_OK if found.is_found else EXIT_UNDECIDED
    if as_json:
        print_json({**_tried_json(found.tried), "said": found.said, "log": found.log})
        raise typer.Exit(code)
    for one in found.tried:
        typer.echo(_line(one))
    typer.echo(found.log, nl=False)
    typer.echo(found.said)
    raise typer.Exit(code)


def _tried(kernel: str, name: str, options: RunOptions) -> Trial:
    wanted = replace(options, kernel=kernel)
    with opened(cache() / "bisect") as kept:
        (result,) = make_all(
            [wanted], kept, emulator_build.ensure(), room_here(None), f"trying {name}"
        )
    return trial_of(name, step_of(options.platform, result, ()))


def _tell(one: Tried) -> None:
    say(_line(one).removeprefix("# "))


def _line(one: Tried) -> str:
    return f"# {one.word}: [{one.trial.name}] {one.trial.line}"


def _tried_json(tried: Sequence[Tried]) -> dict[str, Any]:
    return {
        "tried": [
            {"kernel": one.trial.name, "word": one.word.value, "line": one.trial.line}
            for one in tried
        ]
    }
