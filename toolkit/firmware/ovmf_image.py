# SPDX-License-Identifier: GPL-2.0-only
"""What an OVMF image says of itself: the table of GUIDs at its end, and the metadata for SNP and TDX that it points to.

Sources: edk2 OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm (table), OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm and
OvmfTdxMetadata.asm (sections), TDVF design guide 11 (TDX metadata); QEMU hw/i386/pc_sysfw_ovmf.c reads the same table.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from uuid import UUID

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.ranges import GIB, PAGE, Range, sized

_TABLE_END = 32
"""Bytes between the end of the table and that of the image: the reset vector."""
_FOOTER = UUID("96b582de-1fb2-45f7-baea-a366c55a082d")
_SEV_METADATA = UUID("dc886566-984a-4798-a75e-5585a7bf67cc")
_TDX_METADATA = UUID("e47a6535-984a-4798-865e-4685a7bf8ec2")
_HASH_TABLE = UUID("7255371f-3a3b-4b04-927b-1da6efa8d454")
_ENTRY = struct.Struct("<H16s")
"""Behind each entry's data: the entry's length, this included, and its GUID."""
_HEADER = struct.Struct("<4sIII")
"""Of both kinds of metadata: signature, length, version, number of sections."""
_SEV_SECTION = struct.Struct("<III")
_TDX_SECTION = struct.Struct("<IIQQII")
_SECTIONS_MAX = 64


class SevSection(IntEnum):
    """Types of a section for SNP."""

    MEMORY = 1
    SECRETS = 2
    CPUID = 3
    SVSM_CALLING_AREA = 4
    KERNEL_HASHES = 0x10


class TdxSection(IntEnum):
    """Types of a section for TDX."""

    BOOT_VOLUME = 0
    CONFIGURATION_VOLUME = 1
    TD_HOB = 2
    TEMPORARY_MEMORY = 3
    PERMANENT_MEMORY = 4
    PAYLOAD = 5
    PAYLOAD_PARAMETERS = 6


@dataclass(frozen=True)
class Section:
    """Memory that the image wants before its first instruction; guest-physical addresses."""

    type: int
    range: Range


@dataclass(frozen=True)
class OvmfImage:
    """An image that lies below 4 GiB and ends there."""

    path: Path
    size: int
    sha256: str
    sev: tuple[Section, ...]
    """Sections for SNP; none where the image does not support it."""
    tdx: tuple[Section, ...]
    hash_table: Range | None
    """Where it expects the hashes of kernel, initramfs and command line, if it checks them."""

    @property
    def range(self) -> Range:
        """Return where the image lies."""
        return Range(4 * GIB - self.size, 4 * GIB)


def read_image(path: Path) -> OvmfImage:
    """Read an image.

    Raises BadInputError for a file that is missing, no OVMF image, or damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"--firmware {path}: {error.strerror}") from error
    return parse_image(data, path)


def parse_image(data: bytes, path: Path) -> OvmfImage:
    """Take the bytes of an image apart; see ``read_image``."""
    if len(data) % PAGE or not PAGE <= len(data) <= GIB:
        raise BadInputError(
            f"--firmware {path}: {len(data)} bytes is not the size of a firmware image"
        )
    table = _table(data, path)
    return OvmfImage(
        path,
        len(data),
        hashlib.sha256(data).hexdigest(),
        _sev_sections(data, table.get(_SEV_METADATA), path),
        _tdx_sections(data, table.get(_TDX_METADATA), path),
        _hash_table(table.get(_HASH_TABLE)),
    )


def _damaged(path: Path, what: str) -> BadInputError:
    return BadInputError(f"--firmware {path}: the image is damaged: {what}")


def _table(data: bytes, path: Path) -> dict[UUID, bytes]:
    """Return the data of every entry, by its GUID."""
    end = len(data) - _TABLE_END
    length, guid = _ENTRY.unpack_from(data, end - _ENTRY.size)
    if UUID(bytes_le=guid) != _FOOTER:
        raise BadInputError(
            f"--firmware {path}: not an OVMF image for confidential guests (it has no table of GUIDs); "
            "give OVMF.fd, code and variables in one file"
        )
    if length > end or length < _ENTRY.size:
        raise _damaged(path, "the table of GUIDs exceeds it")
    start, at = end - length, end - _ENTRY.size
    entries = {}
    while at - _ENTRY.size >= start:
        length, guid = _ENTRY.unpack_from(data, at - _ENTRY.size)
        if length < _ENTRY.size or at - length < start:
            raise _damaged(path, "an entry of the table of GUIDs exceeds it")
        entries[UUID(bytes_le=guid)] = data[at - length : at - _ENTRY.size]
        at -= length
    return entries


def _hash_table(entry: bytes | None) -> Range | None:
    base, size = struct.unpack_from("<II", (entry or b"").ljust(8, b"\0"))
    return sized(base, size) if size else None


def _header(
    data: bytes, entry: bytes | None, signature: bytes, section: struct.Struct, path: Path
) -> tuple[int, int]:
    """Return where the sections begin, and how many they are; none where the table has no such entry."""
    if entry is None:
        return 0, 0
    (back,) = struct.unpack_from("<I", entry.ljust(4, b"\0"))
    at = len(data) - back
    if not 0 <= at <= len(data) - _HEADER.size:
        raise _damaged(path, f"the {signature.decode()} metadata lie outside")
    found, _, _, count = _HEADER.unpack_from(data, at)
    if found != signature or count > _SECTIONS_MAX:
        raise _damaged(path, f"there are no {signature.decode()} metadata where its table says")
    if at + _HEADER.size + count * section.size > len(data):
        raise _damaged(path, f"the {signature.decode()} metadata exceed it")
    return at + _HEADER.size, count


def _sev_sections(data: bytes, entry: bytes | None, path: Path) -> tuple[Section, ...]:
    at, count = _header(data, entry, b"ASEV", _SEV_SECTION, path)
    found = []
    for index in range(count):
        base, size, kind = _SEV_SECTION.unpack_from(data, at + index * _SEV_SECTION.size)
        found.append(_section(kind, base, size, path))
    return tuple(one for one in found if one.range.size)


def _tdx_sections(data: bytes, entry: bytes | None, path: Path) -> tuple[Section, ...]:
    at, count = _header(data, entry, b"TDVF", _TDX_SECTION, path)
    found = []
    for index in range(count):
        _, _, base, size, kind, _ = _TDX_SECTION.unpack_from(data, at + index * _TDX_SECTION.size)
        found.append(_section(kind, base, size, path))
    return tuple(one for one in found if one.range.size)


def _section(kind: int, base: int, size: int, path: Path) -> Section:
    if (base | size) % PAGE or base + size > 4 * GIB:
        raise _damaged(path, f"its section at {base:#x} ({size:#x} bytes) is not pages below 4 GiB")
    return Section(kind, sized(base, size))
