# SPDX-License-Identifier: GPL-2.0-only
"""A guest that is halted at one moment of its run: at that very moment, each time, and nothing before it changes."""

from __future__ import annotations

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.emulator import guest_images
from tests.emulator.bare_handoff import IMAGE
from tests.emulator.bare_run import BareRun, Event, Setup, boot
from tests.emulator.conftest import Boot
from tests.emulator.kernel_map import linked, running
from tests.emulator.test_table_stores import LINES

TOGETHER = ("vcpus", "case_accept_together")
CALLS = ("probes", "case_calls")
CONVERT = ("convert", "case_properly")
PATIENCE = 20.0
"""Seconds until the guest is paused."""
_RIP = 16
"""Place of RIP among the registers of gdb's packet `g` (GDB, i386 features: org.gnu.gdb.i386.core, 64 bits)."""


def halting(at: str, *more: str, cpus: int = 1) -> Setup:
    return Setup(cpus=cpus, properties=(f"halt-at={at}", *more))


def middle_of(run: BareRun, kind: str) -> Event:
    found = run.of(kind)
    return found[len(found) // 2]


def halted_at(bare: Boot, platform: str, event: Event, cpus: int = 2) -> BareRun:
    run = bare(platform, *TOGETHER, halting(f"event:{event.seq}", cpus=cpus))
    assert run.outcome == "paused"
    return run


def test_the_run_ends_with_the_event(bare: Boot, platform: str) -> None:
    plain = bare(platform, *TOGETHER, Setup(cpus=2))
    event = middle_of(plain, "accept")
    run = halted_at(bare, platform, event)
    assert run.events[: event.seq + 1] == plain.events[: event.seq + 1]
    assert [one.kind for one in run.events[event.seq + 1 :]] == ["bitmap", "end"]


def test_the_report_shows_every_vcpu_and_the_one_of_the_event(bare: Boot, platform: str) -> None:
    event = middle_of(bare(platform, *TOGETHER, Setup(cpus=2)), "accept")
    report = halted_at(bare, platform, event).report
    assert report is not None
    assert (report["vcpu"], int(report["rip"], 16)) == (event.vcpu, event.rip)
    assert [one["vcpu"] for one in report["vcpus"]] == [0, 1]
    assert report["vcpus"][event.vcpu]["registers"] == report["registers"]
    assert int(report["gpa"], 16) == event.gpa
    assert "accepted" in report["page_state"] or "validated" in report["page_state"]


def test_twice_the_registers_are_the_same(
    bare: Boot, platform: str, emulator: Path, tmp_path: Path
) -> None:
    event = middle_of(bare(platform, *TOGETHER, Setup(cpus=2)), "accept")
    first = halted_at(bare, platform, event)
    second = boot(emulator, tmp_path, platform, *TOGETHER, first.setup)
    for name in ("events.raw", "report.json"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


@pytest.mark.parametrize(
    ("guest", "case", "kind"),
    [
        ("touch_unaccepted", "case_read", ""),
        ("table_stores", "case_bits", "table-store"),
        ("convert", "case_properly", "convert"),
        ("convert", "case_unaccepted_after", ""),
    ],
)
def test_whatever_the_event_the_vcpu_stands_at_its_instruction(
    bare: Boot, platform: str, guest: str, case: str, kind: str
) -> None:
    plain = bare(platform, guest, case, Setup(handoff=LINES))
    kinds = {event.kind: event for event in plain.events[:-2] if event.rip}
    assert kind in kinds or (not kind and kinds)
    for event in kinds.values():
        setup = replace(halting(f"event:{event.seq}"), handoff=LINES)
        report = bare(platform, guest, case, setup).report
        assert report is not None
        assert report["outcome"] == "paused", event
        assert int(report["rip"], 16) == event.rip, event


def test_a_count_of_instructions_is_exact(bare: Boot, platform: str) -> None:
    clock = middle_of(bare(platform, *TOGETHER, Setup(cpus=2)), "accept").clock
    places = set()
    for count in range(clock, clock + 4):
        report = bare(platform, *TOGETHER, halting(f"clock:{count}", cpus=2)).report
        assert report is not None
        assert (report["outcome"], report["instructions"]) == ("paused", count)
        places.add(report["rip"])
    assert len(places) > 1


def test_a_function_is_halted_at_its_first_instruction(bare: Boot, platform: str) -> None:
    address = linked("probes", platform, "sum")
    run = bare(platform, *CALLS, halting(f"call:{address:#x}"))
    assert run.report is not None
    assert run.outcome == "paused"
    assert int(run.report["rip"], 16) == running(run, "sum")
    assert [int(run.report["registers"][name], 16) for name in ("rdi", "rsi")] == [3, 4]


def registers_by_gdb(folder: Path) -> list[int]:
    """Return the registers as gdb's stub has them, once the machine is paused; let it go on."""
    deadline = time.monotonic() + PATIENCE
    while not (folder / "report.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with socket.socket(socket.AF_UNIX) as stub:
        stub.settimeout(PATIENCE)
        stub.connect(str(folder / "gdb"))
        stub.sendall(b"+$g#67")
        answer = b""
        while not (found := re.search(rb"\$([0-9a-f]{256,})#..", answer)):
            answer += stub.recv(1 << 16)
        stub.sendall(b"+$D#44")
        stub.recv(1 << 16)
    data = bytes.fromhex(found[1].decode())
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, 17 * 8, 8)]


def paused(
    emulator: Path, folder: Path, platform: str, guest: tuple[str, str], at: str
) -> tuple[list[int], BareRun]:
    """Boot a guest that pauses; return its registers then, and the run to its end."""
    stub = ("-gdb", f"unix:path={folder}/gdb,server=on,wait=off")
    setup = Setup(properties=(f"halt-at={at}", "halt-pause=on"), devices=stub)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(boot, emulator, folder, platform, *guest, setup)
        registers = registers_by_gdb(folder)
        return registers, coming.result()


def test_a_paused_guest_stands_behind_the_event_and_goes_on_as_ever(
    bare: Boot, platform: str, emulator: Path, tmp_path: Path
) -> None:
    plain = bare(platform, *CONVERT)
    event = middle_of(plain, "accept")
    registers, run = paused(emulator, tmp_path, platform, CONVERT, f"event:{event.seq}")
    assert event.rip < registers[_RIP] <= event.rip + 4  # PVALIDATE and TDCALL have four bytes
    assert run.events == plain.events
    assert run.report == plain.report


def test_a_guest_that_is_paused_at_a_function_has_not_begun_it(
    bare: Boot, platform: str, emulator: Path, tmp_path: Path
) -> None:
    address = linked("probes", platform, "sum")
    registers, run = paused(emulator, tmp_path, platform, CALLS, f"call:{address:#x}")
    assert registers[_RIP] == running(run, "sum")
    assert run.lines == bare(platform, *CALLS).lines


@pytest.mark.parametrize("value", ["event", "event:x", "event:1:2", "round:2:1", "never:1", ""])
def test_another_moment_is_refused_in_one_line(bare: Boot, value: str) -> None:
    run = bare("snp", *TOGETHER, halting(value))
    assert run.exit_code == 1
    assert "halt-at is event:SEQ, clock:INSTRUCTIONS, call:ADDRESS or round:INSTRUCTIONS" in run.log
    assert len(run.log.splitlines()) == 1


def test_the_report_has_the_words_that_are_asked_for(bare: Boot, platform: str) -> None:
    """Of code, whose bytes are known; where nothing is mapped there is no word."""
    address = linked("probes", platform, "sum")
    nowhere = 0xFFFFFFFFBFFFF000
    asked = f"peek={address:#x}:{nowhere:#x}"
    run = bare(platform, *CALLS, halting(f"call:{address:#x}", asked))
    image = guest_images.build("probes", platform)
    begin = image.symbols["sum"] - IMAGE
    word = int.from_bytes(image.flat[begin : begin + 8], "little")
    assert run.report is not None
    assert run.report["peeked"] == {f"{address:#x}": f"{word:#x}"}


def test_before_the_kernel_no_word_is_read(bare: Boot, platform: str) -> None:
    """Its variables are not where they will be."""
    first = next(one for one in bare(platform, *CALLS).events if one.rip)
    asked = f"peek={linked('probes', platform, 'sum'):#x}"
    run = bare(platform, *CALLS, halting(f"event:{first.seq}", asked))
    assert run.report is not None
    assert run.report["stage"] == "decompressor"
    assert "peeked" not in run.report
