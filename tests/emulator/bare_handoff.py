# SPDX-License-Identifier: GPL-2.0-only
"""The boot handoff of a test guest: flat memory, page tables that map every page twice, private and shared.

RAM has a hole, so that there is something in the middle of memory that is no RAM. All numbers are bytes or guest-physical
addresses, unless a name says otherwise.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

PAGE = 0x1000
UNIT = 0x200000

IMAGE = 0x100000
TABLES = 0x200000
GDT = 0x208000
STACK_TOP = 0x210000
PAPERS = 0x300000
"""From here to FRESH is room for what a guest or the host writes down: accepted, and otherwise unused."""
FRESH = 0x400000
"""Everything below is accepted; everything from here on is not."""
HOLE = 0x1000000
HOLE_END = HOLE + UNIT
RAM_END = 0x2000000

SHARED_ALIAS = 1 << 39
"""Added to an address: where the same page is mapped shared."""
WINDOW = 2 << 39
"""Part of the address space that nothing is mapped in."""

C_BIT = 51
"""SEV-SNP: set in a page-table entry for private memory (the emulator's CPUID 8000001F says so)."""
SHARED_BIT = 47
"""TDX: set in a page-table entry for shared memory (GPAW 48)."""

_PRESENT_WRITABLE_USER = 0x7
_GIGABYTE_LEAF = 0x80 | 0x60 | _PRESENT_WRITABLE_USER  # page size, dirty, accessed


def private_bit(platform: str) -> int:
    """Return what a page-table entry needs for private memory."""
    return 1 << C_BIT if platform == "snp" else 0


def macros(platform: str) -> dict[str, int]:
    """Return what the guests' sources take from here, by name."""
    return {
        "IMAGE": IMAGE,
        "TABLES": TABLES,
        "PAPERS": PAPERS,
        "FRESH": FRESH,
        "FRESH_END": HOLE,
        "HOLE": HOLE,
        "HOLE_END": HOLE_END,
        "RAM_END": RAM_END,
        "SHARED_ALIAS": SHARED_ALIAS,
        "WINDOW": WINDOW,
        "PRIVATE_BIT": private_bit(platform),
        platform.upper(): 1,
    }


def page_tables(platform: str) -> bytes:
    """Return three pages for TABLES: the top level, 512 GiB private, the same 512 GiB shared."""
    private = private_bit(platform)
    shared = 1 << SHARED_BIT if platform == "tdx" else 0
    top = [0] * 512
    for index in (0, 1):
        table = TABLES + (1 + index) * PAGE
        top[index * SHARED_ALIAS >> 39] = table | private | _PRESENT_WRITABLE_USER
    leaves = [
        gigabyte << 30 | _GIGABYTE_LEAF | bits
        for bits in (private, shared)
        for gigabyte in range(512)
    ]
    return struct.pack("<1536Q", *top, *leaves)


def gdt() -> bytes:
    """Return flat 64-bit code at selector 0x10 and flat data at 0x18, as the entry state names them."""
    return struct.pack("<4Q", 0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF)


@dataclass(frozen=True)
class BareGuest:
    """What to start: the flat image, the case to run in it, and where secondary vCPUs wait."""

    platform: str
    image: bytes
    start: int
    case: int
    ap_wait: int


def accepted(guest: BareGuest) -> list[tuple[int, int]]:
    """Return (start, size) of what is accepted when the guest begins."""
    assert IMAGE + len(guest.image) <= TABLES, "the guest's image grew into its page tables"
    return [(0, FRESH)]


RAM = [(0, HOLE), (HOLE_END, RAM_END - HOLE_END)]
"""(start, size)"""


def write(guest: BareGuest, folder: Path, more: tuple[str, ...] = ()) -> list[str]:
    """Write the boot handoff into ``folder`` and return QEMU's arguments that load it; the map is ``folder/map``.

    ``more`` are lines that the map ends with.
    """
    lines = [f"ram {start:#x} {size:#x}" for start, size in RAM]
    lines += [f"accepted {start:#x} {size:#x}" for start, size in accepted(guest)]
    lines += [
        f"entry {guest.start:#x}",
        f"boot-params {guest.case:#x}",
        f"page-table {TABLES:#x}",
        f"stack {STACK_TOP:#x}",
        f"gdt {GDT:#x} 0x20",
    ]
    if guest.platform == "tdx":
        lines.append(f"ap-entry {guest.ap_wait:#x}")
    (folder / "map").write_text("\n".join([*lines, *more]) + "\n")
    arguments: list[str] = []
    for name, address, data in (
        ("image", IMAGE, guest.image),
        ("tables", TABLES, page_tables(guest.platform)),
        ("gdt", GDT, gdt()),
    ):
        (folder / name).write_bytes(data)
        arguments += ["-device", f"loader,file={folder / name},addr={address:#x},force-raw=on"]
    return arguments
