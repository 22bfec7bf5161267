# SPDX-License-Identifier: GPL-2.0-only
"""The console scan: what means trouble is found once, whatever the time and the addresses; what is allowed is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptlab.toolkit.series.checks.console_check import scan


def found(tmp_path: Path, text: str, *allow: str) -> list[str]:
    (tmp_path / "console.log").write_text(text)
    return [line for line, _ in scan(tmp_path / "console.log", [re.compile(one) for one in allow])]


@pytest.mark.parametrize(
    "line",
    [
        "BUG: kernel NULL pointer dereference, address: 0000000000000000",
        "WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:123 accept_page+0x10/0x20",
        "Oops: 0000 [#1] PREEMPT SMP",
        "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [swapper/0:1]",
        "rcu: INFO: rcu_sched self-detected stall on CPU",
        "Kernel panic - not syncing: Fatal exception",
        "kernel BUG at mm/memblock.c:12!",
        "INFO: task init:1 blocked for more than 120 seconds.",
        "general protection fault, probably for non-canonical address",
        "UBSAN: shift-out-of-bounds in mm/a.c:1:2",
        "    not ok 3 accept_twice",
    ],
)
def test_trouble(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"[    1.234567] {line}\n") == [line.strip()]


@pytest.mark.parametrize(
    "line",
    [
        "Linux version 6.1",
        "debug: no BUGs here",
        "ACCEPTLAB done",
        "ok 1 accept_twice",
        "Warning: unable to open",
        "",
    ],
)
def test_no_trouble(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"[    1.234567] {line}\n") == []


def test_the_same_trouble_is_told_once(tmp_path: Path) -> None:
    text = "".join(
        f"[  {n}.1] WARNING: CPU: {n} PID: {n} at mm/a.c:5 f+0x{n}/0x20\n" for n in range(9)
    )
    assert len(found(tmp_path, text)) == 1


def test_what_is_allowed(tmp_path: Path) -> None:
    text = "WARNING: CPU: 0 at mm/a.c:5\nWARNING: CPU: 0 at mm/b.c:5\n"
    assert found(tmp_path, text, r"mm/a\.c") == ["WARNING: CPU: 0 at mm/b.c:5"]


def test_no_console_is_no_trouble(tmp_path: Path) -> None:
    assert list(scan(tmp_path / "none", [])) == []
