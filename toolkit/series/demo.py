# SPDX-License-Identifier: GPL-2.0-only
"""The whole path of a series once: applied, built, booted with every policy, its last patch checked, compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from analysis.bench.summary import Bench
from analysis.exit_codes import heaviest
from analysis.matrix.columns import DEFAULT_COLUMNS
from analysis.matrix.sheet import Sheet
from toolkit.bench.perform import FACTS, Plan, Subject
from toolkit.bench.perform import perform as compare
from toolkit.emulator.build import Emulator
from toolkit.matrix.perform import exit_code, worst
from toolkit.matrix.perform import perform as sweep_all
from toolkit.matrix.schedule import Room
from toolkit.matrix.spec import Cell, Spec, Sweep
from toolkit.run.options import RunOptions
from toolkit.series import build
from toolkit.series.apply import Applied
from toolkit.series.checks.outcome import SeriesCheck
from toolkit.series.checks.perform import Plan as CheckPlan
from toolkit.series.checks.perform import perform as check

PLATFORMS = ("snp", "tdx")
_SMALL = RunOptions("", memory="2G", firmware_accepts="minimal", workloads=("touch:64M",))
"""What each guest is: small, so that all of them take a minute, and handed over with as little as firmware can accept."""
_GUESTS = (
    replace(_SMALL, platform="snp"),
    # A TD that may choose to be told of pending memory: a policy of faults is none without.
    replace(_SMALL, platform="tdx", pending_ve="guest"),
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
    kernel = build.ensure(applied, last).kernel.name
    sheet = sweep_all(_policies(applied, kernel), emulator, out / "policies", room)
    rules = applied.series.spec.rules
    plan = CheckPlan((last,), PLATFORMS, _SMALL, rules.checkpatch_ignore, rules.console_allow)
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
    question = "What does each policy accept, and when?"
    sweep = Sweep("policies", question, ("platform", "policy"), tuple(DEFAULT_COLUMNS), cells)
    return Spec(
        f"{applied.series.name}-policies", f"{applied.series.spec.title}: every policy", (sweep,)
    )


def _comparison(applied: Applied, kernel: str) -> Plan:
    """The kernels that the spec compares with, and then the series, on the same workload."""
    subjects = [Subject(name, name) for name in (*applied.series.spec.compare, kernel)]
    title = f"{applied.series.spec.title}, compared"
    return Plan(title, subjects, PLATFORMS, (1,), FACTS, _SMALL)
