# SPDX-License-Identifier: GPL-2.0-only
"""Where firmware enters a kernel: the entry point of the kernel's EFI stub, by which the emulator recognises it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.ranges import PAGE

_CODE_MAX = 64
"""Bytes of code that are compared (HANDOFF_CODE_MAX in emulator/qemu/handoff.h)."""
_AMD64 = 0x8664
_SECTION = struct.Struct("<8sIIII16x")


@dataclass(frozen=True)
class EfiStub:
    """``size`` of the image in memory and ``entry`` from its start, bytes; ``code``: what lies there."""

    size: int
    entry: int
    code: bytes


def read_efi_stub(path: Path) -> EfiStub:
    """Read the PE header of a kernel (PE format, "Optional header"). Raises BadInputError for a kernel without an EFI stub."""
    data = path.read_bytes()
    (at,) = struct.unpack_from("<I", data, 0x3C)
    if data[:2] != b"MZ" or at + 0x108 > len(data) or data[at : at + 4] != b"PE\0\0":
        raise BadInputError(
            f"{path}: the kernel has no EFI stub (CONFIG_EFI_STUB): firmware cannot start it"
        )
    machine, sections = struct.unpack_from("<HH", data, at + 4)
    (optional,) = struct.unpack_from("<H", data, at + 20)
    (entry,) = struct.unpack_from("<I", data, at + 40)
    (size,) = struct.unpack_from("<I", data, at + 80)
    if machine != _AMD64:
        raise BadInputError(f"{path}: the kernel's EFI stub is not for x86-64")
    return EfiStub(size, entry, _code(data, entry, at + 24 + optional, sections))


def _code(data: bytes, entry: int, table: int, sections: int) -> bytes:
    """Return the code at the entry, at most to the end of its page, in whole words."""
    length = min(_CODE_MAX, PAGE - entry % PAGE) & ~7
    for index in range(sections):
        _, size, start, raw_size, raw = _SECTION.unpack_from(data, table + index * _SECTION.size)
        if start <= entry < start + max(size, raw_size):
            return data[raw + entry - start :][:length]
    return b""
