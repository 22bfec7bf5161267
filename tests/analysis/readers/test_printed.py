# SPDX-License-Identifier: GPL-2.0-only
"""Entries on a guest's console, in the ways in which they come there, and how the guest ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.readers.console_log import ConsoleLog
from acceptlab.analysis.readers.conversion import Imported
from acceptlab.analysis.run.console import read_console
from acceptlab.analysis.run.trouble import OOPS
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


LOGGED = {
    "dmesg -r": "<6>[    {}] ",
    "dmesg -x": "kern  :info  : [    {}] ",
    "syslog": "2026-11-30T12:00:00.123456+00:00 guest kernel: [    {}] ",
    "syslog, short": "Nov 30 12:00:00 guest kernel: [    {}] ",
    "journalctl -k -o short-monotonic": "[    {}] guest kernel: ",
    "CONFIG_PRINTK_CALLER": "[    {}][    T1] ",
}
"""What stands before a message, by what printed it; {} is the time."""
DATED = {
    "dmesg -T": "[Mon Nov 30 12:00:00 2026] ",
    "journalctl -k": "Nov 30 12:00:00 guest kernel: ",
    "journalctl -k -o short-iso": "2026-11-30T12:00:00+0000 guest kernel: ",
}
MESSAGES = (
    ("0.000000", "Linux version 7.3.4+deb14-cloud-amd64 (debian-kernel@lists.debian.org)"),
    ("1.000001", "tdx_accept_memory: (tdx_accept_memory+0x4/0x150) start=0x40000000 end=0x40200000"),
    ("1.000009", "tdx_accept_memory_return: (arch_accept_memory+0x4d/0xa0 <- tdx_accept_memory) ret=0x1"),
    ("1.000020", "BUG: unable to handle page fault for address: ffff888000000000"),
)  # fmt: skip


def logged(form: str) -> str:
    return "".join(f"{form.format(time)}{text}\n" for time, text in MESSAGES)


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


@pytest.mark.parametrize("form", LOGGED.values(), ids=LOGGED)
@pytest.mark.parametrize("before", ["", "-- Boot 0123456789abcdef --\n"])
def test_a_log_with_the_kernel_s_times_is_read(form: str, before: str, tmp_path: Path) -> None:
    found, seen = accepts(before + logged(form), tmp_path)
    assert seen == [(1_000_001_000, 0x40000000, 0x200000, 0)]
    assert found.platform == "tdx"


@pytest.mark.parametrize("form", DATED.values(), ids=DATED)
def test_a_log_with_dates_is_refused_with_a_remedy(form: str, tmp_path: Path) -> None:
    found, seen = accepts(logged(form), tmp_path)
    assert found.empty and not seen
    assert found.refused and "journalctl -k -o short-monotonic" in found.refused


@pytest.mark.parametrize("form", LOGGED.values(), ids=LOGGED)
def test_the_console_is_kept_as_the_kernel_prints_it(form: str, tmp_path: Path) -> None:
    accepts(logged(form), tmp_path)
    console = read_console(tmp_path / "console.log")
    assert [one.kind for one in console.trouble] == [OOPS]
    assert console.last_words.line == MESSAGES[-1][1]
    assert (tmp_path / "console.log").read_text().splitlines()[
        0
    ] == f"[    0.000000] {MESSAGES[0][1]}"


def test_a_trace_that_is_no_console_leaves_none(tmp_path: Path) -> None:
    read(FTRACE.encode(), tmp_path)
    assert not (tmp_path / "console.log").exists()


def test_a_console_is_kept_up_to_its_bound(tmp_path: Path) -> None:
    with ConsoleLog(tmp_path / "console.log", most=8) as log:
        log.write("a" * 5)
        assert not log.is_cut
        log.write("\u00e4")  # three bytes with its end, and two are left
        assert log.is_cut
    assert (tmp_path / "console.log").read_text() == "aaaaa\n"


def test_a_full_disk_is_one_line_when_the_console_is_closed() -> None:
    with (
        pytest.raises(BadInput, match="cannot write /dev/full: No space left"),
        ConsoleLog(Path("/dev/full")) as log,
    ):
        log.write("a line that waits in the buffer")


def test_a_trace_with_a_cut_console_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = BOOT + FTRACE
    assert read(whole.encode(), tmp_path).events.complete
    monkeypatch.setattr(
        "acceptlab.analysis.readers.conversion.ConsoleLog", lambda path: ConsoleLog(path, most=50)
    )
    assert "console is too long" in (read(whole.encode(), tmp_path).events.problem or "")
