# SPDX-License-Identifier: GPL-2.0-only
"""What a guest died of: the first line, its RIP, the address, and the last accept that was refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.report import render
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind
from tests.analysis.synthetic import MIB, SNP_SIZE_MISMATCH, TDX_SIZE_MISMATCH, Guest
from tests.toolkit.command_line import invoke

PAGE_FAULT = [
    "[    3.100000] BUG: unable to handle page fault for address: ffff888003801000",
    "[    3.100100] #PF: supervisor read access in kernel mode",
    "[    3.100200] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI",
    "[    3.100300] RIP: 0010:load_unaligned_zeropad+0x12/0x40",
    "[    3.100400] CR2: ffff888003801000",
    "[    3.100500] Kernel panic - not syncing: Fatal exception",
]
DIED = {"outcome": "panic", "reason": "Fatal exception"}


def died(guest: Guest, folder: Path, **changes: Any) -> Verdict:
    guest.end()
    return replay_run(guest.write(folder / "run", **(DIED | changes)))


def booted(platform: str = "snp") -> Guest:
    guest = Guest(platform=platform)
    guest.boot()
    return guest


@pytest.mark.parametrize("log", [False, True])
def test_the_first_line_its_code_and_its_page(log: bool, tmp_path: Path) -> None:
    guest = booted()
    guest.console += [] if log else PAGE_FAULT
    report = {"printk": [line.partition("] ")[2] for line in PAGE_FAULT]}
    verdict = died(guest, tmp_path, report=report)
    assert verdict.cause == [
        "BUG: unable to handle page fault for address: ffff888003801000 at load_unaligned_zeropad+0x12/0x40",
        "the address ffff888003801000 is page 0x3801000 of the direct map (unaccepted at boot handoff)",
    ]
    totals = {one.title: one.total for one in verdict.findings}
    assert totals == {"the kernel oopsed": 2, "the kernel panicked": 1}
    shown = invoke(["replay", str(tmp_path / "run")]).stdout
    assert f"  cause: {verdict.cause[0]}\n" in shown


def test_a_null_pointer_is_called_that(tmp_path: Path) -> None:
    guest = booted()
    guest.console.append("BUG: kernel NULL pointer dereference, address: 0000000000000390")
    assert died(guest, tmp_path).cause[1] == "the address 0000000000000390 is a null pointer's"


@pytest.mark.parametrize(
    ("platform", "result", "name"),
    [
        ("snp", 1, "FAIL_INPUT"),
        ("tdx", 0x8000020000000000, "OPERAND_BUSY"),
        ("tdx", 0xC000010000000002, "OPERAND_INVALID"),
    ],
)
def test_the_last_refused_accept(platform: str, result: int, name: str, tmp_path: Path) -> None:
    guest = booted(platform)
    page = guest.layout.low + 40 * MIB
    guest.event(Kind.ACCEPT, page, UNIT_SIZE, result=result, vcpu=1)
    (line,) = died(guest, tmp_path).cause
    assert f"2048K at {page:#x} by vCPU 1 ({name})" in line


@pytest.mark.parametrize(
    ("platform", "result"), [("snp", SNP_SIZE_MISMATCH), ("tdx", TDX_SIZE_MISMATCH)]
)
def test_a_refused_accept_that_is_made_up_for_is_no_cause(
    platform: str, result: int, tmp_path: Path
) -> None:
    guest = booted(platform)
    guest.backing = "4K"
    guest.accept_memory(guest.layout.low + 40 * MIB, UNIT_SIZE)
    assert died(guest, tmp_path).cause == []
    assert result in set(guest.records()["result"].tolist())


def test_a_guest_that_lives_has_no_cause_of_death(tmp_path: Path) -> None:
    guest = booted()
    guest.console.append(PAGE_FAULT[0])
    assert died(guest, tmp_path, outcome="userspace").cause == []


def test_a_finding_names_page_vcpu_stage_and_caller(tmp_path: Path) -> None:
    guest = booted()
    page = guest.layout.low + 56 * MIB
    guest.event(Kind.FAULT, page, 1, vcpu=1, detail=0x101)
    died(guest, tmp_path)
    shown = invoke(["replay", str(tmp_path / "run")]).stdout
    assert f"    where: page {page:#x}, vCPU 1, stage userspace\n" in shown
    assert "    code: 0xffffffff81234567, called from 0xffffffff81235567\n" in shown


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_a_report_tells_the_cause(form: str, tmp_path: Path) -> None:
    guest = booted()
    guest.console.append("kernel BUG at mm/memblock.c:1200!")
    died(guest, tmp_path)
    report = render([tmp_path / "run"], form)
    assert "kernel BUG at mm/memblock.c:1200!" in report.replace("\\", "")
    assert "cause" in report
