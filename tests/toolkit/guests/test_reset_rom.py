# SPDX-License-Identifier: GPL-2.0-only
"""The ROM for ordinary guests, read back by the GNU disassembler."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.firmware.reset_rom import EntryState, entry_rom, halt_rom

STATE = EntryState(
    entry=0x1_0100_0200,
    boot_params=0x7FFF4000,
    page_table=0x7FFF8000,
    stack=0x7FFF3000,
    gdt=0x7FFF1000,
    gdt_size=32,
)


def disassemble(tmp_path: Path, machine: str, start: int, count: int) -> list[str]:
    rom = tmp_path / "rom"
    rom.write_bytes(entry_rom(STATE))
    command = [
        "objdump",
        "-D",
        "-b",
        "binary",
        "-m",
        machine,
        "-M",
        "intel",
        "--adjust-vma=0xffff0000",
    ]
    command += [f"--start-address={0xFFFF0000 + start:#x}", str(rom)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = re.findall(r"^\s*[0-9a-f]+:\t[0-9a-f ]+\t(.+?)\s*(?:#.*)?$", text, re.MULTILINE)
    return [re.sub(r"\s+", " ", line) for line in lines[:count]]


@pytest.mark.parametrize("rom", [entry_rom(STATE), halt_rom()])
def test_size_is_what_qemu_wants(rom: bytes) -> None:
    assert len(rom) == 64 << 10


def test_halt_rom_does_nothing() -> None:
    assert set(halt_rom()) == {0xF4}


def test_reset_vector_jumps_to_the_start(tmp_path: Path) -> None:
    assert disassemble(tmp_path, "i8086", 0xFFF0, 1)[0].endswith("fe00")


def test_real_mode_sets_up_long_mode(tmp_path: Path) -> None:
    lines = disassemble(tmp_path, "i8086", 0xFE00, 17)
    assert lines == [
        "cli",
        "cld",
        "lgdtd cs:0xff00",
        "mov eax,0x20",
        "mov cr4,eax",
        "mov eax,0x7fff8000",
        "mov cr3,eax",
        "xor edx,edx",
        "mov ecx,0x2ff",
        "mov eax,0x806",
        "wrmsr",
        "mov ecx,0xc0000080",
        "mov eax,0x100",
        "wrmsr",
        "mov eax,0x80000033",
        "mov cr0,eax",
        "jmp 0x10:0xfffffe80",
    ]


def test_long_mode_enters_the_kernel_with_the_handoff_state(tmp_path: Path) -> None:
    lines = disassemble(tmp_path, "i386:x86-64", 0xFE80, 10)
    assert lines == [
        "mov eax,0x18",
        *(f"mov {segment},eax" for segment in ("ds", "es", "ss", "fs", "gs")),
        "movabs rsp,0x7fff3000",
        "movabs rsi,0x7fff4000",
        "movabs rax,0x101000200",
        "jmp rax",
    ]


def test_gdt_pointer() -> None:
    assert entry_rom(STATE)[0xFF00:0xFF06] == (31).to_bytes(2, "little") + bytes.fromhex("0010ff7f")
