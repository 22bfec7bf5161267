# SPDX-License-Identifier: GPL-2.0-only
"""Boot kernels of a series, a short run each, and turn what the judge and the console say into problems."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.run.trouble import TITLES
from acceptlab.toolkit.firmware.bzimage import read_bzimage
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import opened
from acceptlab.toolkit.runs.run_jobs import DONE, Result, make_all
from acceptlab.toolkit.runs.scheduler import Room
from acceptlab.toolkit.series.checks.console_check import scan
from acceptlab.toolkit.series.checks.problems import FAIL, WARN, Problem, Step
from acceptlab.toolkit.series.series_spec import Boot

_NUMBER = re.compile(r"\d+")
"""What differs between two kernels of which the same cannot be decided: how much memory each has taken."""


@dataclass(frozen=True)
class Trial:
    """A boot that each kernel of a check gets. `step` names it in the report."""

    step: str
    platform: str
    options: RunOptions


def trials(
    platforms: Sequence[str], options: RunOptions, others: Sequence[Boot]
) -> tuple[Trial, ...]:
    """Return the usual boot on every platform, and behind them the spec's own boots on theirs."""
    usual = [Trial(one, one, replace(options, platform=one)) for one in platforms]
    more = [
        Trial(f"{one} {boot.name}", one, replace(options, platform=one, **boot.options))
        for boot in others
        for one in platforms
        if one in (boot.platforms or platforms)
    ]
    return (*usual, *more)


def boot_all(
    kernels: Mapping[str, Sequence[str]],
    wanted: Sequence[Trial],
    allow: Sequence[re.Pattern[str]],
    emulator: Emulator,
    home: Path,
    room: Room,
    title: str,
) -> dict[tuple[str, str], Step]:
    """Boot every kernel in every way, several at a time; finished runs are kept in `home`. Keys: (kernel, step).

    `kernels`: functions of each whose executions are to be counted.
    """
    pairs = [(kernel, trial) for kernel in kernels for trial in wanted]
    runs = [
        replace(_handed_over(kernel, trial.options), kernel=kernel, counts=tuple(kernels[kernel]))
        for kernel, trial in pairs
    ]
    with opened(home) as kept:
        results = make_all(runs, kept, emulator, room, title)
    return {
        (kernel, trial.step): step_of(trial.step, result, allow)
        for (kernel, trial), result in zip(pairs, results, strict=True)
    }


def _handed_over(kernel: str, options: RunOptions) -> RunOptions:
    """Have firmware accept all memory for a kernel without CONFIG_UNACCEPTED_MEMORY: it would have next to none."""
    if read_bzimage(resolve(kernel).image).knows_unaccepted:
        return options
    return replace(options, firmware_accepts="all")


def step_of(name: str, result: Result, allow: Sequence[re.Pattern[str]]) -> Step:
    """Return the result of one run as a step: outcome, findings, undecided verdict, console."""
    if result.state != DONE or result.folder is None:
        return Step(name, (Problem(FAIL, f"did not run: {result.reason}", "not run"),))
    problems = []
    outcome = str(result.facts["outcome"])
    if outcome != "userspace":
        reason = f": {result.reason}" if result.reason else ""
        problems.append(Problem(FAIL, f"{outcome}{reason}", f"outcome {outcome}"))
    # What the console says is found below, where the spec's console_allow counts.
    for one in (one for one in result.findings if one["title"] not in TITLES):
        text = f"{one['invariant']} {one['title']}" + (
            f" ({one['total']} times)" if one["total"] > 1 else ""
        )
        problems.append(Problem(FAIL, text, f"finding {one['invariant']} {one['title']}"))
    problems += [
        Problem(FAIL, f"console: {line}", f"console {key}")
        for line, key in scan(result.folder / "console.log", allow)
    ]
    if outcome == "userspace":
        # A kernel without CONFIG_UNACCEPTED_MEMORY leaves nothing to decide: not a problem, unless it was decided before.
        problems += [
            Problem(WARN, f"undecided: {why}", f"undecided {_NUMBER.sub('N', why)}", undecided=True)
            for why in result.undecided
        ]
    return Step(name, tuple(problems), _note(result), str(result.folder))


def _note(result: Result) -> str:
    """Return in a few words what the run did."""
    accepts = result.facts.get("accepts")
    told = f", {accepts:,} accepts" if isinstance(accepts, int) else ""
    return f"{result.facts['outcome']}, {result.facts['verdict']}{told}"
