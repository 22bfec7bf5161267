# SPDX-License-Identifier: GPL-2.0-only
"""A kernel file made by hand: the setup header as Documentation/arch/x86/boot.rst lays it out, and filler.

No pytest: processes of their own make such files, too.
"""

from __future__ import annotations

import struct
from uuid import UUID

UNACCEPTED = UUID("d5d1de3c-105c-44f9-9ea9-bcef98120031")


def make_bzimage(
    *,
    protocol: int = 0x20F,
    xloadflags: int = 0x7F,
    init_size: int = 0x1400000,
    pref_address: int = 0x1000000,
    alignment: int = 0x200000,
    relocatable: int = 1,
    version: bytes = b"6.12.0-made-by-hand",
    payload: int = 0x8000,
    knows_unaccepted: bool = True,
) -> bytes:
    """Return the bytes of a kernel file."""
    setup_sectors = 4
    data = bytearray((setup_sectors + 1) * 512)
    data[0x1F1] = setup_sectors
    struct.pack_into("<I", data, 0x1F4, payload // 16)
    struct.pack_into("<H", data, 0x1FE, 0xAA55)
    data[0x200:0x202] = b"\xeb\x6a"  # jmp 0x26c
    data[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", data, 0x206, protocol)
    struct.pack_into("<H", data, 0x20E, 0x400)
    data[0x600 : 0x600 + len(version)] = version
    data[0x211] = 0x80
    struct.pack_into("<I", data, 0x22C, 0x7FFFFFFF)
    struct.pack_into("<IBBH", data, 0x230, alignment, relocatable, 21, xloadflags)
    struct.pack_into("<I", data, 0x238, 2047)
    struct.pack_into("<II", data, 0x248, 0x400, payload - 0x500)
    struct.pack_into("<QI", data, 0x258, pref_address, init_size)
    body = bytearray(index * 7 & 0xFF for index in range(256)) * (payload // 256)
    if knows_unaccepted:
        # As compilers do: two constants of a MOVABS each.
        body[0x300:0x312] = UNACCEPTED.bytes_le[:8] + b"\x48\xb8" + UNACCEPTED.bytes_le[8:]
    return bytes(data + body)
