# SPDX-License-Identifier: GPL-2.0-only
"""The zero page, struct boot_params (Linux Documentation/arch/x86/zero-page.rst and boot.rst), as the EFI stub leaves it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware import efi
from acceptlab.toolkit.firmware.bzimage import HEADER_OFFSET, BzImage
from acceptlab.toolkit.firmware.efi_types import E820_OF_EFI, E820Type, EfiType
from acceptlab.toolkit.firmware.memory_map import MemoryPiece
from acceptlab.toolkit.ranges import PAGE, Range

E820_TABLE = 0x2D0
E820_MAX = 128

_LOADER_TYPE = 0x21  # what the EFI stub writes
_LOADED_HIGH = 1
_SIGNATURE = b"EL64"
_U32 = 0xFFFFFFFF


@dataclass(frozen=True)
class ZeroPage:
    """What the zero page says. Addresses are guest-physical; an empty initrd range means that there is none."""

    kernel: BzImage
    load_address: int
    cmdline: int
    initrd: Range
    rsdp: int
    system_table: int
    memory_map: Range
    """The EFI memory map's descriptors, without slack."""
    e820: list[tuple[Range, E820Type]]
    cc_blob: int = 0


def e820_of(
    pieces: Sequence[MemoryPiece], *, ignored: frozenset[EfiType] = frozenset()
) -> list[tuple[Range, E820Type]]:
    """Derive the e820 map from the EFI memory map, neighbours of one type merged.

    ``ignored`` are types that the kernel's stub does not know and leaves out.
    Raises BadInputError when the zero page cannot hold the map.
    """
    table: list[tuple[Range, E820Type]] = []
    for piece in pieces:
        if piece.type in ignored:
            continue
        kind = E820_OF_EFI[piece.type]
        if table and table[-1][1] is kind and table[-1][0].end == piece.range.start:
            table[-1] = (Range(table[-1][0].start, piece.range.end), kind)
        else:
            table.append((piece.range, kind))
    if len(table) > E820_MAX:
        raise BadInputError(
            f"the memory map has {len(table)} e820 entries, {E820_MAX} fit; use fewer holes"
        )
    return table


def encode_zero_page(page: ZeroPage) -> bytes:
    """Return the 4 KiB of the zero page."""
    data = bytearray(PAGE)
    data[HEADER_OFFSET : HEADER_OFFSET + len(page.kernel.header)] = page.kernel.header

    def put(offset: int, form: str, *values: int | bytes) -> None:
        struct.pack_into("<" + form, data, offset, *values)

    put(0x070, "Q", page.rsdp)
    put(0x0C0, "III", page.initrd.start >> 32, page.initrd.size >> 32, page.cmdline >> 32)
    put(0x13C, "I", page.cc_blob)
    memmap = page.memory_map
    put(
        0x1C0,
        "4sIII",
        _SIGNATURE,
        page.system_table & _U32,
        efi.DESCRIPTOR.size,
        efi.DESCRIPTOR_VERSION,
    )
    put(
        0x1D0, "IIII", memmap.start & _U32, memmap.size, page.system_table >> 32, memmap.start >> 32
    )
    put(0x1E8, "B", len(page.e820))
    put(0x1FA, "H", 0xFFFF)  # vid_mode: normal
    put(0x210, "BB", _LOADER_TYPE, page.kernel.header[0x211 - HEADER_OFFSET] | _LOADED_HIGH)
    put(0x214, "III", page.load_address & _U32, page.initrd.start & _U32, page.initrd.size & _U32)
    put(0x228, "I", page.cmdline & _U32)
    for index, (item, kind) in enumerate(page.e820):
        put(E820_TABLE + 20 * index, "QQI", item.start, item.size, kind)
    return bytes(data)
