# SPDX-License-Identifier: GPL-2.0-only
"""Judges runs and prints what was found: `acceptlab replay` without options, and the end of commands that take --replay.

Without Typer: to load it takes as long as to judge a small run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acceptlab.analysis import exit_codes
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import step

if TYPE_CHECKING:
    from acceptlab.analysis.invariants.verdict import Verdict


def replay_plainly(words: Sequence[str]) -> int:
    """Do `acceptlab replay RUN...`; return the exit code."""
    return judge_runs([Path(word) for word in words])


def judge_runs(runs: Sequence[Path], quiet: bool = False) -> int:
    """Judge every run, print what was found unless `quiet`, and return the exit code of all together."""
    codes = []
    for run in runs:
        verdict = judge_run(run)
        codes.append(verdict.exit_code)
        if not quiet:
            _print(run, verdict)
    return exit_codes.heaviest(codes)


def judge_run(run: Path) -> Verdict:
    """Judge one run, with progress on stderr. Raises BadInput for a folder that is not usable."""
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
    print(f"{run}: {verdict.verdict}: {verdict.headline}")
    label = "undecided" if verdict.undecided else "besides"
    for reason in verdict.reasons:
        print(f"  {label}: {reason}")
    for line in verdict.notes:
        print(f"  {line}")
    for finding in verdict.findings:
        times = f" ({finding.total} times)" if finding.total > 1 else ""
        print(f"  {finding.invariant} {finding.title}{times}: {finding.explanation}")
        evidence = finding.evidence
        if where := _where(evidence):
            print(f"    where: {where}")
        if code := _code(evidence):
            print(f"    code: {code}")
        print(f"    rule: {evidence['rule']}")
    if verdict.not_stored:
        print(f"  not stored: {verdict.not_stored}")


def _where(evidence: dict[str, Any]) -> str:
    """Name page, vCPU and stage of a finding, as far as it has them."""
    names = {"gpa": "page", "vcpu": "vCPU", "stage": "stage"}
    parts = [f"{word} {evidence[name]}" for name, word in names.items() if name in evidence]
    return ", ".join(parts)


def _code(evidence: dict[str, Any]) -> str:
    """Name the function, else the address, with its source line, and the same of its caller."""
    from acceptlab.analysis.kernel.caller_names import BEST_EFFORT  # takes numpy, --help does not

    parts = []
    for before, word in (("", ""), ("caller_", "called from ")):
        address = evidence.get("caller" if before else "rip")
        name = evidence.get(f"{before}symbol", address)
        source = evidence.get(f"{before}source")
        mark = BEST_EFFORT if before and evidence.get("caller_best_effort") else ""
        if name:
            parts.append(f"{word}{mark}{name}{f' ({source})' if source else ''}")
    return ", ".join(parts)
