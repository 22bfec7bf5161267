# SPDX-License-Identifier: GPL-2.0-only
"""The boot handoff's page tables, walked as the MMU does."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.firmware.page_table import PAGES, build_gdt, build_page_table

BASE = 0x7FFF0000
GIB = 1 << 30
ADDRESS_MASK = ((1 << 52) - 1) & ~0xFFF
PLATFORMS = ("snp", "tdx", "plain")
TABLES = {name: build_page_table(BASE, name) for name in PLATFORMS}
SPECIAL = {"snp": 1 << 51, "tdx": 1 << 47, "plain": 0}


def walk(platform: str, address: int) -> tuple[int, list[int]]:
    """Return the physical address and all entries used."""
    table, entries = BASE, []
    for shift in (39, 30, 21):
        at = table - BASE + 8 * (address >> shift & 511)
        (entry,) = struct.unpack_from("<Q", TABLES[platform], at)
        assert entry & 3 == 3, "not present or not writable"
        assert not entry >> 63, "not executable"
        entries.append(entry)
        target = entry & ADDRESS_MASK & ~SPECIAL[platform]
        if entry & 0x80 and shift < 39:
            return target | address & ((1 << shift) - 1), entries
        table = target
    raise AssertionError("no leaf")


@pytest.mark.parametrize("platform", PLATFORMS)
@given(address=st.integers(0, 512 * GIB - 1))
def test_identity(platform: str, address: int) -> None:
    assert walk(platform, address)[0] == address


@given(address=st.one_of(st.integers(0, 3 * GIB - 1), st.integers(4 * GIB, 512 * GIB - 1)))
def test_ram_is_private(address: int) -> None:
    assert all(entry & SPECIAL["snp"] for entry in walk("snp", address)[1])
    assert not any(entry & SPECIAL["tdx"] for entry in walk("tdx", address)[1])


@given(address=st.integers(3 * GIB, 4 * GIB - 1))
def test_registers_are_shared(address: int) -> None:
    assert not walk("snp", address)[1][-1] & SPECIAL["snp"]
    assert walk("tdx", address)[1][-1] & SPECIAL["tdx"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_size(platform: str) -> None:
    assert len(TABLES[platform]) == PAGES * 4096


def test_gdt_has_flat_64_bit_code_and_flat_data() -> None:
    entries = struct.unpack("<4Q", build_gdt())
    code, data = entries[2], entries[3]
    for entry, kind in ((code, 0xB), (data, 0x3)):
        assert entry >> 47 & 1, "present"
        assert entry >> 44 & 1, "code or data"
        assert entry >> 40 & 0xF == kind
        assert entry >> 55 & 1, "limit in pages"
        assert (entry & 0xFFFF, entry >> 48 & 0xF) == (0xFFFF, 0xF)
    assert code >> 53 & 3 == 1, "64-bit, default size 0"
