# SPDX-License-Identifier: GPL-2.0-only
"""Entries on a guest's console, in the ways in which they come there, and how the guest ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.readers.conversion import Imported
from acceptlab.analysis.trace.schema import Kind
from tests.analysis.readers.samples import FTRACE, read, rows

BOOT = "[    0.000000] Linux version 6.12.57 (build@host)\n[    0.100000] ACPI: RSDP 0x00 (v02 X)\n"
PANIC = "[    9.100000] Kernel panic - not syncing: Unexpected EPT-violation on private memory.\n"
DUMP = """\
[    9.200000] Dumping ftrace buffer:
[    9.200001] ---------------------------------
[    9.200002]     init-1         0d..1. 1000001us : tdx_accept_memory: (tdx_accept_memory+0x4/0x150) start=0x40000000 end=0x40200000
[    9.200003]     init-1         0d..1. 1000009us!: tdx_accept_memory_return: (arch_accept_memory+0x4d/0xa0 <- tdx_accept_memory) ret=0x1
[    9.200004]   <idle>-0         1d..2. 1000011us : sched_switch: prev_comm=swapper/1
[    9.200005] ---------------------------------
"""
PRINTED = """\
[    1.000001] tdx_accept_memory: (tdx_accept_memory+0x4/0x150) start=0x40000000 end=0x40200000
[    1.000009][    T1] tdx_accept_memory_return: (arch_accept_memory+0x4d/0xa0 <- tdx_accept_memory) ret=0x1
"""


def accepts(text: str, folder: Path) -> tuple[Imported, list[tuple[int | str, ...]]]:
    found = read(text.encode(), folder)
    events = rows(folder, "kind", "clock", "gpa", "size", "result") if found.events.events else []
    return found, [row[1:] for row in events if row[0] == Kind.ACCEPT]


@pytest.mark.parametrize("how", [DUMP, PRINTED])
def test_an_accept_is_read_and_a_panic_is_the_outcome(how: str, tmp_path: Path) -> None:
    found, seen = accepts(BOOT + PANIC + how, tmp_path)
    assert seen == [(1_000_001_000, 0x40000000, 0x200000, 0)]
    assert found.outcome == (
        "panic", "Kernel panic - not syncing: Unexpected EPT-violation on private memory.",
    )  # fmt: skip
    assert not found.events.complete


def test_the_trace_of_our_init_is_not_read_twice(tmp_path: Path) -> None:
    """What the kernel printed of it besides is left out."""
    text = BOOT + PRINTED + "".join(f"ACCEPTLAB trace {line}\n" for line in FTRACE.splitlines())
    found = read(text.encode(), tmp_path)
    assert (found.events.problem, found.platform) == (None, "snp")


def test_two_ways_in_one_console_are_in_doubt(tmp_path: Path) -> None:
    found, _ = accepts(BOOT + PRINTED + PANIC + DUMP, tmp_path)
    assert found.events.problem is not None and "printed in several formats" in found.events.problem


def test_kernel_messages_are_no_entries(tmp_path: Path) -> None:
    text = BOOT + "[    0.2] x\n[    0.300000] accept_memory: (words) start=0x1000 end=0x2000\n"
    found, seen = accepts(text, tmp_path)
    assert found.empty and not seen


def test_a_guest_that_switched_off_behind_its_init_was_in_userspace(tmp_path: Path) -> None:
    run = "[    3.000000] Run /init as init process\n"
    off = "[    4.000000] reboot: Power down\n"
    assert accepts(BOOT + PRINTED + run + off, tmp_path)[0].outcome == ("userspace", "")
    assert accepts(BOOT + PRINTED + off, tmp_path)[0].outcome is None
    assert accepts(BOOT + PRINTED + run, tmp_path)[0].outcome is None
