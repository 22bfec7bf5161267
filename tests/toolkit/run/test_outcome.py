# SPDX-License-Identifier: GPL-2.0-only
"""One word for what a run came to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.run.launch import Ending
from acceptlab.toolkit.run.outcome import check_emulator, judge, of_second_kernel, read_report

OFF = {"outcome": "shutdown", "stage": "userspace"}
FIRST = "ACCEPTLAB userspace\r\n"
LOADED = f"{FIRST}ACCEPTLAB second kernel loaded for kdump\r\n"
CRASH = f"{LOADED}Kernel panic - not syncing: sysrq triggered crash\r\n"
SECOND = "ACCEPTLAB userspace\r\nACCEPTLAB second userspace\r\n"
DONE = "x\r\nACCEPTLAB userspace\r\nACCEPTLAB done\r\n"


@pytest.mark.parametrize(
    ("report", "console", "ending", "word", "reason"),
    [
        (OFF, DONE, Ending(0), "userspace", ""),
        (OFF, "ACCEPTLAB userspace\n", Ending(0), "userspace", "before its workloads did"),
        (OFF, "said ACCEPTLAB userspace, no more", Ending(0), "terminated", "before reaching"),
        ({"outcome": "stopped", "reason": "NPF"}, DONE, Ending(0), "stopped", "NPF"),
        ({"outcome": "terminated", "reason": "GHCB"}, "", Ending(0), "terminated", "GHCB"),
        ({"outcome": "triple-fault"}, "", Ending(0), "triple-fault", ""),
        (OFF, "Kernel panic - not syncing: Oh dear\r\n", Ending(0), "panic", "Oh dear"),
        (
            {"outcome": "triple-fault"},
            "Kernel panic - not syncing: Deadlock\r\n",
            Ending(0),
            "panic",
            "Deadlock",
        ),
        (
            {"outcome": "triple-fault", "stage": "second-kernel"},
            CRASH,
            Ending(0),
            "triple-fault",
            "",
        ),
        ({"printk": ["Kernel panic - not syncing: Silent"]}, "", Ending(0), "panic", "Silent"),
        (
            {"outcome": "panic", "reason": "no reset", "printk": ["Kernel panic - not syncing: A"]},
            "",
            Ending(0),
            "panic",
            "A",
        ),
        (
            {"outcome": "panic", "reason": "no reset", "stage": "kernel"},
            "",
            Ending(0),
            "panic",
            "no reset, in stage kernel",
        ),
        ({"outcome": "reset"}, "", Ending(0), "terminated", "requested a reset"),
        (OFF, DONE, Ending(0, timed_out=True), "timeout", "limit of 5 s"),
        (
            {
                "printk": [
                    "Kernel panic - not syncing: Early",
                    "---[ end Kernel panic - not syncing: Early ]---",
                ],
                "stage": "kernel",
            },
            "",
            Ending(0, timed_out=True),
            "panic",
            "Early; then the time limit of 5 s expired",
        ),
        (
            {"stage": "second-kernel"},
            CRASH,
            Ending(0, timed_out=True),
            "timeout",
            "in stage second-kernel",
        ),
        (
            {"outcome": "triple-fault", "stage": "decompressor"},
            "",
            Ending(0),
            "triple-fault",
            "in stage decompressor",
        ),
        (OFF, DONE, Ending(-15, interrupted=True), "killed", "the user interrupted the run"),
        (None, "", Ending(-9), "killed", "SIGKILL"),
    ],
)
def test_outcomes(
    report: dict | None, console: str, ending: Ending, word: str, reason: str
) -> None:
    came_to = judge(report, console, ending, 5.0)
    assert came_to.word == word
    assert reason in came_to.reason


DEEP = {"outcome": "shutdown", "stage": "second-kernel"}


@pytest.mark.parametrize(
    ("report", "console", "ending", "word", "reason"),
    [
        (OFF, f"{CRASH}{SECOND}ACCEPTLAB done\r\n", Ending(0), "userspace", ""),
        ({"printk": ["Kernel panic - not syncing: old"]}, f"{CRASH}{SECOND}ACCEPTLAB done\r\n",
         Ending(0), "userspace", ""),
        (OFF, f"{CRASH}{SECOND}", Ending(0), "userspace", "before its workloads did"),
        (OFF, f"{CRASH}{SECOND}Kernel panic - not syncing: Two\r\n", Ending(0), "panic", "Two"),
        (DEEP, CRASH, Ending(0), "panic", "by kdump, did not reach userspace: sysrq"),
        (DEEP, LOADED, Ending(0), "terminated", "by kdump, did not reach userspace"),
        ({}, LOADED, Ending(0), "terminated", "by kdump, did not reach userspace"),
        (OFF, CRASH, Ending(0), "panic", "the first kernel ended before the second kernel started by kdump: sysrq"),
        (
            {"stage": "userspace", "printk": ["Kernel panic - not syncing: Fatal exception"]}, LOADED.replace("kdump", "kexec"),
            Ending(0), "panic", "the first kernel ended before the second kernel started by kexec: Fatal",
        ),
        ({"outcome": "stopped", "reason": "NPF"}, LOADED, Ending(0), "stopped", "NPF"),
        (
            {"outcome": "triple-fault"}, LOADED.replace("kdump", "kexec") + "Kernel panic - not syncing: Oh dear\r\n",
            Ending(0), "panic", "second kernel, started by kexec, did not reach userspace: Oh dear",
        ),
        (OFF, f"{FIRST}ACCEPTLAB workload kexec end result=Operation not permitted\r\nACCEPTLAB done\r\n",
         Ending(0), "terminated", "could not start a second kernel: Operation not permitted"),
        (OFF, FIRST, Ending(0), "terminated", "before its workloads did"),
        (DEEP, LOADED, Ending(0, timed_out=True), "timeout", "in stage second-kernel"),
    ],
)  # fmt: skip
def test_outcomes_where_a_second_kernel_was_wanted(
    report: dict, console: str, ending: Ending, word: str, reason: str
) -> None:
    came_to = of_second_kernel(judge(report, console, ending, 5.0), console, report)
    assert came_to.word == word
    assert reason in came_to.reason


@pytest.mark.parametrize("text", ["", "{", "[1]", None])
def test_a_report_that_is_none_is_absent(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    assert read_report(tmp_path / "report.json") is None


@pytest.mark.parametrize(
    ("ending", "stderr", "says"),
    [
        (Ending(1), "warning\nbad property\n", "bad property"),
        (Ending(1), "", "exit 1"),
        (Ending(0), "", "no output"),
        (Ending(-11), "", "crashed (SIGSEGV)"),
        (Ending(1), "events: cannot write x: No space left on device; it ends", "disk full"),
        (Ending(-25), "", "disk full"),
    ],
)
def test_a_failure_of_the_emulator_itself_is_an_error(
    tmp_path: Path, ending: Ending, stderr: str, says: str
) -> None:
    (tmp_path / "log").write_text(stderr)
    with pytest.raises(MachineError) as raised:
        check_emulator(ending, False, tmp_path / "log")
    assert says in str(raised.value)


@pytest.mark.parametrize("ending", [Ending(0, True), Ending(-9), Ending(-15, interrupted=True)])
def test_an_emulator_that_was_stopped_did_not_fail(tmp_path: Path, ending: Ending) -> None:
    (tmp_path / "log").touch()
    check_emulator(ending, False, tmp_path / "log")


def test_a_disk_too_full_for_the_log_is_told_from_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_text("")
    ending = Ending(code=1, timed_out=False, interrupted=False)
    with pytest.raises(MachineError, match="no output"):
        check_emulator(ending, False, tmp_path / "log")
    usage = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MachineError, match="disk full"):
        check_emulator(ending, False, tmp_path / "log")
