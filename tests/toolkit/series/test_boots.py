# SPDX-License-Identifier: GPL-2.0-only
"""What a boot of one kernel comes to, beside the boot of the kernel before it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.run import trouble
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_jobs import Result
from acceptlab.toolkit.series.checks.boots import step_of, trials
from acceptlab.toolkit.series.checks.problems import (
    FAIL,
    PASS,
    WARN,
    PatchCheck,
    Problem,
    SeriesCheck,
    Step,
    judge,
)
from acceptlab.toolkit.series.series_spec import Boot

FINDING = {"invariant": "I7", "title": "accepted twice", "total": 1}


@pytest.fixture
def result(tmp_path: Path) -> Result:
    (tmp_path / "console.log").write_text("Linux version 6.1\n")
    facts: dict[str, Any] = {"outcome": "userspace", "verdict": "undecided"}
    return Result("done", folder=tmp_path, facts=facts)


def test_the_specs_own_boots_are_behind_the_usual_ones() -> None:
    own = (
        Boot("kexec", ("snp",), {"workloads": ("kexec",)}),
        Boot("stats", (), {"workloads": ("stats",), "cpus": 2}),
    )
    found = trials(("snp", "tdx"), RunOptions("", workloads=("touch:64M",)), own)
    assert [(one.step, one.platform) for one in found] == [
        ("snp", "snp"), ("tdx", "tdx"), ("snp kexec", "snp"), ("snp stats", "snp"), ("tdx stats", "tdx"),
    ]  # fmt: skip
    assert [one.options.workloads for one in found] == [
        ("touch:64M",), ("touch:64M",), ("kexec",), ("stats",), ("stats",),
    ]  # fmt: skip
    assert [one.options.platform for one in found] == [one.platform for one in found]
    assert found[-1].options.cpus == 2


def test_a_boot_of_a_platform_that_is_not_checked_is_left_out() -> None:
    own = (Boot("kexec", ("snp",), {"workloads": ("kexec",)}),)
    assert [one.step for one in trials(("tdx",), RunOptions(""), own)] == ["tdx"]


def test_what_cannot_be_decided_is_the_patch_s_when_it_could_before(result: Result) -> None:
    before = step_of("tdx", result, ())
    result.undecided.append("events are missing")
    assert judge(step_of("tdx", result, ()), before).state == WARN


def test_a_patch_that_mends_a_finding_is_not_told_what_the_finding_stood_before(
    result: Result,
) -> None:
    result.findings.append(FINDING)
    result.undecided.append("it uses 1869 MiB")
    before = step_of("tdx", result, ())
    result.findings.clear()
    result.undecided[:] = ["it uses 1871 MiB"]
    after = judge(step_of("tdx", result, ()), before)
    assert (after.state, [problem.level for problem in after.old]) == (PASS, [WARN])


def test_a_finding_is_the_patch_s_beside_what_was_undecided(result: Result) -> None:
    result.undecided.append("it uses 1869 MiB")
    before = step_of("tdx", result, ())
    result.findings.append(FINDING)
    after = judge(step_of("tdx", result, ()), before)
    assert (after.state, len(after.new)) == (FAIL, 1)


def test_what_the_console_says_counts_once_and_may_be_allowed(
    result: Result, tmp_path: Path
) -> None:
    line = "WARNING: CPU: 0 PID: 1 at mm/a.c:5 f+0x1/0x20"
    console = replace(result, folder=tmp_path)
    (tmp_path / "console.log").write_text(f"[    1.0] {line}\n")
    console.findings.append({"invariant": "guest", "title": trouble.WARNING, "total": 1})
    assert [one.text for one in step_of("tdx", console, ()).problems] == [f"console: {line}"]
    assert step_of("tdx", console, (re.compile(r"mm/a\.c"),)).problems == ()


def test_a_check_in_which_only_a_verdict_is_missing_is_undecided(result: Result) -> None:
    def code(*steps: Step) -> int:
        judged = tuple(judge(step, None) for step in steps)
        return SeriesCheck("s", "t", "b", 1, (PatchCheck(1, "x", "c", judged),)).exit_code

    decided = step_of("snp", result, ())
    result.undecided.append("events are missing")
    undecided = step_of("tdx", result, ())
    warned = Step("checkpatch", (Problem(WARN, "line over 100 characters", "long"),))
    assert [code(decided), code(undecided), code(undecided, warned)] == [0, 4, 1]
