# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab replay`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from acceptlab.analysis import exit_codes
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.kernel.caller_names import BEST_EFFORT
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.replay_explain import explain
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import step

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")]


def replay(
    runs: Runs,
    page: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Tell the life of the page at this guest address."),
    ] = None,
    why: Annotated[
        str | None,
        typer.Option(
            metavar="FINDING",
            help="Tell how a finding came about: I2 is the first that I2 lists, I2#3 the third.",
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
        verdicts = [_judge(run) for run in runs]
        pairs = zip(runs, verdicts, strict=True)
        print_json([{"run": str(run), **verdict.to_json()} for run, verdict in pairs])
        raise typer.Exit(exit_codes.heaviest(verdict.exit_code for verdict in verdicts))
    raise typer.Exit(judge_runs(runs))


def judge_runs(runs: Sequence[Path], quiet: bool = False) -> int:
    """Judge every run, print what was found unless `quiet`, and return the exit code of all together."""
    codes = []
    for run in runs:
        verdict = _judge(run)
        codes.append(verdict.exit_code)
        if not quiet:
            _print(run, verdict)
    return exit_codes.heaviest(codes)


def _judge(run: Path) -> Verdict:
    from acceptlab.analysis.invariants.judge import replay_run

    with step(f"replaying {run.name or run}") as progress:
        return replay_run(
            run,
            symbols_cache=cache() / "symbols",
            progress=lambda done, total: progress.update(
                done, total, f"{done:,} of {total:,} events"
            ),
        )


def _print(run: Path, verdict: Verdict) -> None:
    typer.echo(f"{run}: {verdict.verdict}: {verdict.headline}")
    label = "undecided" if verdict.undecided else "besides"
    for reason in verdict.reasons:
        typer.echo(f"  {label}: {reason}")
    for line in verdict.told:
        typer.echo(f"  {line}")
    for finding in verdict.findings:
        times = f" ({finding.total} times)" if finding.total > 1 else ""
        typer.echo(f"  {finding.invariant} {finding.title}{times}: {finding.explanation}")
        evidence = finding.evidence
        if where := _where(evidence):
            typer.echo(f"    where: {where}")
        if code := _code(evidence):
            typer.echo(f"    code: {code}")
        typer.echo(f"    rule: {evidence['rule']}")
    if verdict.not_stored:
        typer.echo(f"  not stored: {verdict.not_stored}")


def _where(evidence: dict[str, Any]) -> str:
    """Name page, vCPU and stage of a finding, as far as it has them."""
    names = {"gpa": "page", "vcpu": "vCPU", "stage": "stage"}
    parts = [f"{word} {evidence[name]}" for name, word in names.items() if name in evidence]
    return ", ".join(parts)


def _code(evidence: dict[str, Any]) -> str:
    """Name the function, else the address, with its source line, and the same of its caller."""
    parts = []
    for before, word in (("", ""), ("caller_", "called from ")):
        address = evidence.get("caller" if before else "rip")
        name = evidence.get(f"{before}symbol", address)
        source = evidence.get(f"{before}source")
        mark = BEST_EFFORT if before and evidence.get("caller_best_effort") else ""
        if name:
            parts.append(f"{word}{mark}{name}{f' ({source})' if source else ''}")
    return ", ".join(parts)
