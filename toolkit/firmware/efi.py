# SPDX-License-Identifier: GPL-2.0-only
"""EFI as a kernel finds it after ExitBootServices: system table, configuration tables, memory map, runtime services.

The layouts are those of UEFI 2.10, sections 4.3 (system table), 4.5 (runtime services), 4.6 (configuration tables) and 7.2.3
(memory map). The runtime services are stubs: SetVirtualAddressMap succeeds, all others return EFI_UNSUPPORTED.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.memory_map import MemoryPiece
from acceptlab.toolkit.ranges import PAGE

ACPI_20_GUID = UUID("8868e871-e4f1-11d3-bc22-0080c73c8881")
CC_BLOB_GUID = UUID("067b1f5f-cf26-44c5-8554-93d777912d42")
"""Confidential-computing blob of SEV-SNP (semantics.md 1.9.7)."""
RT_PROPERTIES_GUID = UUID("eb66918a-7eef-402a-842e-931d21c38ae9")

DESCRIPTOR = struct.Struct(
    "<IIQQQQQ"
)  # type, pad, physical, virtual, pages, attribute, reserved: 48 bytes as EDK II has
DESCRIPTOR_VERSION = 1

ATTRIBUTE_WB = 1 << 3
ATTRIBUTE_RUNTIME = 1 << 63

_REVISION = 2 << 16 | 100
_SYSTEM_SIGNATURE = 0x5453595320494249
_RUNTIME_SIGNATURE = 0x56524553544E5552
_SVAM_INDEX = 4  # the fifth service: SetVirtualAddressMap
_SERVICES = 14
_RT_SUPPORTED_SVAM = 0x80

SYSTEM_TABLE_SIZE = 0x380
"""Bytes of the system table and all that it points to, with room for the tables that a stub adds."""

_VENDOR = "acceptlab\0".encode("utf-16-le")

# endbr64; xor eax,eax; ret
_CODE_SUCCESS = bytes.fromhex("f30f1efa31c0c3")
# endbr64; movabs rax, EFI_UNSUPPORTED (1 << 63 | 3); ret
_CODE_UNSUPPORTED = bytes.fromhex("f30f1efa48b80300000000000080c3")
_UNSUPPORTED_AT = 0x10


def runtime_code() -> bytes:
    """Return the machine code of the runtime services: one that succeeds, one that does not."""
    return _CODE_SUCCESS.ljust(_UNSUPPORTED_AT, b"\xcc") + _CODE_UNSUPPORTED


@dataclass(frozen=True)
class SystemTable:
    """Runtime data as laid out in memory; ``data`` is to be loaded at the address that it was made for."""

    data: bytes
    address: int
    """Of the system table itself."""


def system_table(base: int, code: int, tables: Sequence[tuple[UUID, int]]) -> SystemTable:
    """Build the system table and all that it points to, for loading at ``base``.

    ``code`` is where ``runtime_code`` lies; ``tables`` are (GUID, guest-physical address) of the configuration tables, to
    which the one that describes the runtime services is added.
    """
    runtime_at, vendor_at, properties_at, configuration_at = 0x80, 0x180, 0x1C0, 0x200
    properties = struct.pack("<HHI", 1, 8, _RT_SUPPORTED_SVAM)
    all_tables = [*tables, (RT_PROPERTIES_GUID, base + properties_at)]
    configuration = b"".join(guid.bytes_le + struct.pack("<Q", at) for guid, at in all_tables)
    system_body = struct.pack(
        "<QI4x6Q4Q",
        base + vendor_at,
        0x10000,
        *(0,) * 6,  # consoles are gone after ExitBootServices
        base + runtime_at,
        0,
        len(all_tables),
        base + configuration_at,
    )
    data = bytearray(SYSTEM_TABLE_SIZE)
    for at, part in (
        (0, _with_header(_SYSTEM_SIGNATURE, system_body)),
        (runtime_at, _with_header(_RUNTIME_SIGNATURE, _service_pointers(code))),
        (vendor_at, _VENDOR),
        (properties_at, properties),
        (configuration_at, configuration),
    ):
        data[at : at + len(part)] = part
    return SystemTable(bytes(data), base)


def _service_pointers(code: int) -> bytes:
    pointers = [code + _UNSUPPORTED_AT] * _SERVICES
    pointers[_SVAM_INDEX] = code
    return struct.pack(f"<{_SERVICES}Q", *pointers)


def _with_header(signature: int, body: bytes) -> bytes:
    size = 24 + len(body)
    blank = struct.pack("<QIIII", signature, _REVISION, size, 0, 0)
    return struct.pack("<QIIII", signature, _REVISION, size, zlib.crc32(blank + body), 0) + body


def encode_memory_map(pieces: Sequence[MemoryPiece]) -> bytes:
    """Return the descriptors of the EFI memory map, in the order given."""
    return b"".join(
        DESCRIPTOR.pack(
            piece.type, 0, piece.range.start, 0, piece.range.size // PAGE, _attribute(piece.type), 0
        )
        for piece in pieces
    )


def _attribute(kind: EfiType) -> int:
    if kind in (EfiType.RUNTIME_CODE, EfiType.RUNTIME_DATA):
        return ATTRIBUTE_WB | ATTRIBUTE_RUNTIME
    return ATTRIBUTE_WB
