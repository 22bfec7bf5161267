# SPDX-License-Identifier: GPL-2.0-only
"""The whole path of a series once: applied, built, booted with every policy, its last patch checked, compared."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.analysis.report.kernels.summary import Bench
from acceptlab.analysis.report.matrix.columns import DEFAULT_COLUMNS
from acceptlab.analysis.report.matrix.sheet import Sheet
from acceptlab.toolkit.matrix.sweep import exit_code, worst
from acceptlab.toolkit.matrix.sweep import perform as sweep_all
from acceptlab.toolkit.matrix.sweep_spec import Cell, Spec, Sweep
from acceptlab.toolkit.platforms import CONFIDENTIAL, PLATFORMS
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.scheduler import Room
from acceptlab.toolkit.series import series_build
from acceptlab.toolkit.series.apply import Applied
from acceptlab.toolkit.series.bench import FACTS, Plan, Subject
from acceptlab.toolkit.series.bench import perform as compare
from acceptlab.toolkit.series.checks.problems import SeriesCheck
from acceptlab.toolkit.series.checks.series_check import Plan as CheckPlan
from acceptlab.toolkit.series.checks.series_check import perform as check

_SMALL = RunOptions("", memory="2G", firmware_accepts="minimal", workloads=("touch:64M",))
"""What each guest is: small, so that all of them take a minute, and handed over with as little as firmware can accept."""
_GUESTS = (
    # A guest that may choose to be notified of pending memory does: a policy of faults is none without.
    *(
        replace(_SMALL, platform=name, pending_ve="guest" if one.has_pending_ve else "off")
        for name, one in PLATFORMS.items()
        if one.is_confidential
    ),
)


@dataclass(frozen=True)
class Demo:
    """What a demo found: every policy's runs, the last patch's check, and the comparison with the spec's kernels."""

    policies: Sheet
    last_patch: SeriesCheck
    bench: Bench
    exit_code: int


def perform(applied: Applied, emulator: Emulator, room: Room, out: Path) -> Demo:
    """Go the whole path below `out`: `policies/` and `bench/` get their documents. Raises what its parts raise."""
    last = len(applied.series.patches)
    kernel = series_build.ensure(applied, last).kernel.name
    sheet = sweep_all(_policies(applied, kernel), emulator, out / "policies", room)
    rules = applied.series.spec.rules
    plan = CheckPlan((last,), CONFIDENTIAL, _SMALL, rules)
    checked = check(applied, plan, emulator, room)
    bench, results = compare(_comparison(applied, kernel), emulator, out / "bench", room)
    codes = (exit_code(sheet), checked.exit_code, worst((one.state, one.code) for one in results))
    return Demo(sheet, checked, bench, heaviest(codes))


def _policies(applied: Applied, kernel: str) -> Spec:
    """A sweep of every policy that the series' spec names, on both platforms."""
    named = applied.series.spec.policies
    cells = tuple(
        Cell(
            {"platform": guest.platform, "policy": name},
            replace(guest, kernel=kernel, append=words),
        )
        for guest in _GUESTS
        for name, words in named.items()
    )
    question = "What each policy accepts, and when"
    sweep = Sweep("policies", question, ("platform", "policy"), tuple(DEFAULT_COLUMNS), cells)
    return Spec(
        f"{applied.series.name}-policies", f"{applied.series.spec.title}: every policy", (sweep,)
    )


def _comparison(applied: Applied, kernel: str) -> Plan:
    """The kernels that the spec compares with, and then the series, on the same workload."""
    subjects = [Subject(name, name) for name in (*applied.series.spec.compare, kernel)]
    command = f"acceptlab series demo {shlex.quote(applied.series.origin)}"
    title = f"{applied.series.spec.title}, compared"
    return Plan(title, subjects, CONFIDENTIAL, (1,), FACTS, _SMALL, (), command)
