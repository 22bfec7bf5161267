# SPDX-License-Identifier: GPL-2.0-only
"""ROMs for the machine's reset vector: one that enters the kernel (an ordinary guest in any QEMU), one that does nothing."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from acceptlab.toolkit.firmware.page_table import CODE_SELECTOR, DATA_SELECTOR

ROM_SIZE = 64 << 10
"""QEMU wants a multiple of this; the ROM ends at 4 GiB."""

_ROM_BASE = (4 << 30) - ROM_SIZE
_RESET_VECTOR = 0xFFF0
_START = 0xFE00
_LONG_MODE = 0xFE80
_GDT_POINTER = 0xFF00


@dataclass(frozen=True)
class EntryState:
    """What the registers hold at the kernel's first instruction: guest-physical addresses below 4 GiB but ``entry``."""

    entry: int
    boot_params: int
    page_table: int
    stack: int
    gdt: int
    gdt_size: int


def halt_rom() -> bytes:
    """Return a ROM of HLT instructions: for machines whose vCPUs start elsewhere."""
    return b"\xf4" * ROM_SIZE


def entry_rom(state: EntryState) -> bytes:
    """Return a ROM that goes from the reset vector to 64-bit mode with the state of the boot handoff."""
    rom = bytearray(halt_rom())
    for at, part in (
        (_START, _real_mode(state)),
        (_LONG_MODE, _long_mode(state)),
        (_GDT_POINTER, struct.pack("<HI", state.gdt_size - 1, state.gdt)),
        (_RESET_VECTOR, b"\xe9" + struct.pack("<h", _START - _RESET_VECTOR - 3)),
    ):
        rom[at : at + len(part)] = part
    return bytes(rom)


def _real_mode(state: EntryState) -> bytes:
    """CS has the base 0xffff0000 that reset gave it, until the far jump; so the ROM can read itself."""

    def mov_eax(value: int) -> bytes:
        return b"\x66\xb8" + struct.pack("<I", value)

    def mov_ecx(value: int) -> bytes:
        return b"\x66\xb9" + struct.pack("<I", value)

    return b"".join(
        (
            b"\xfa\xfc",  # cli; cld
            b"\x2e\x66\x0f\x01\x16"
            + struct.pack("<H", _GDT_POINTER),  # lgdt cs:[pointer], 32-bit base
            mov_eax(0x20) + b"\x0f\x22\xe0",  # CR4 = PAE
            mov_eax(state.page_table) + b"\x0f\x22\xd8",  # CR3
            b"\x66\x31\xd2",  # edx = 0
            # As firmware has it: memory types on, write-back by default. Without, Linux 6.1 goes without PAT.
            mov_ecx(0x2FF) + mov_eax(0x806) + b"\x0f\x30",  # MTRRdefType = E, WB
            mov_ecx(0xC0000080) + mov_eax(0x100) + b"\x0f\x30",  # EFER = LME
            mov_eax(0x80000033) + b"\x0f\x22\xc0",  # CR0 = PG, NE, ET, MP, PE
            b"\x66\xea" + struct.pack("<IH", _ROM_BASE + _LONG_MODE, CODE_SELECTOR),
        )
    )


def _long_mode(state: EntryState) -> bytes:
    return b"".join(
        (
            b"\xb8" + struct.pack("<I", DATA_SELECTOR),  # mov eax, selector
            bytes.fromhex("8ed88ec08ed08ee08ee8"),  # mov ds, es, ss, fs, gs from eax
            b"\x48\xbc" + struct.pack("<Q", state.stack),  # mov rsp
            b"\x48\xbe" + struct.pack("<Q", state.boot_params),  # mov rsi
            b"\x48\xb8" + struct.pack("<Q", state.entry),  # mov rax
            b"\xff\xe0",  # jmp rax
        )
    )
