# SPDX-License-Identifier: GPL-2.0-only
"""Identity page tables and the GDT that firmware leaves behind (Intel SDM vol. 3, sections 4.5 and 3.4.5)."""

from __future__ import annotations

import struct

from acceptlab.toolkit.firmware.memory_map import LOW_RAM_END
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.ranges import GIB, MIB, PAGE

MAPPED_END = 512 * GIB
"""What the tables map: 2M pages below 4 GiB, 1G pages above."""

PAGES = 6
"""4 KiB pages that the tables take: PML4, PDPT, and a page directory for each of the first four GiB."""

_PRESENT_WRITABLE = 0x3
_LEAF = 0x80 | 0x60 | _PRESENT_WRITABLE  # page size, dirty, accessed

CODE_SELECTOR = 0x10
DATA_SELECTOR = 0x18


def build_page_table(base: int, platform: str) -> bytes:
    """Return PAGES pages of tables for loading at ``base``: all RAM private, registers below 4 GiB shared."""
    private, shared = PLATFORMS[platform].private_mask, PLATFORMS[platform].shared_mask
    pdpt, first_directory = base + PAGE, base + 2 * PAGE

    def entry(address: int, flags: int) -> int:
        return address | flags | private

    pml4 = [entry(pdpt, _PRESENT_WRITABLE)] + [0] * 511
    gigabytes = [entry(first_directory + i * PAGE, _PRESENT_WRITABLE) for i in range(4)]
    gigabytes += [entry(i * GIB, _LEAF) for i in range(4, MAPPED_END // GIB)]
    directories = [
        at | _LEAF | (private if at < LOW_RAM_END else shared) for at in range(0, 4 * GIB, 2 * MIB)
    ]
    entries = [*pml4, *gigabytes, *directories]
    return struct.pack(f"<{len(entries)}Q", *entries)


def build_gdt() -> bytes:
    """Return a GDT with flat 64-bit code at CODE_SELECTOR and flat data at DATA_SELECTOR."""
    return struct.pack("<4Q", 0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF)
