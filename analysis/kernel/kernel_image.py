# SPDX-License-Identifier: GPL-2.0-only
"""The kernel proper inside a bzImage.

Offsets of the setup header are those of Documentation/arch/x86/boot.rst.
"""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import zstandard
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.regular_files import open_regular

_SETUP_SECTS = 0x1F1
_MAGIC = 0x202
_PAYLOAD_OFFSET = 0x248
_PAYLOAD_LENGTH = 0x24C
_SECTOR = 512
_BTF = ".BTF"
_LZ4_LEGACY = b"\x02\x21\x4c\x18"
_CHUNK_LIMIT = 1 << 30
"""Most bytes that a kernel may decompress to."""


def is_bzimage(data: bytes) -> bool:
    """Whether ``data`` has the setup header of a bzImage."""
    return data[_MAGIC : _MAGIC + 4] == b"HdrS"


def btf_of(kernel: Path) -> bytes:
    """The BTF of a kernel, a bzImage or an ELF file; nothing where it has none, or cannot be read."""
    try:
        with open_regular(kernel) as file:
            data = file.read()
        image = decompress_bzimage(data) if is_bzimage(data) else data
        section = ELFFile(io.BytesIO(image)).get_section_by_name(_BTF)
    except (OSError, BadInput, ELFError):
        return b""
    return bytes(section.data()) if section is not None else b""


def decompress_bzimage(data: bytes) -> bytes:
    """The decompressed kernel (an ELF image); raises BadInput if it cannot be unpacked."""
    if not is_bzimage(data) or len(data) < _PAYLOAD_LENGTH + 4:
        raise BadInput("not a bzImage: it has no setup header")
    start = ((data[_SETUP_SECTS] or 4) + 1) * _SECTOR
    offset, length = struct.unpack_from("<II", data, _PAYLOAD_OFFSET)
    payload = data[start + offset : start + offset + length]
    for magic, decompress in _FORMATS.items():
        if payload.startswith(magic):
            try:
                return decompress(payload)
            except (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError) as error:
                raise BadInput(f"the kernel inside the bzImage is damaged ({error})") from error
    raise BadInput("unsupported compression of the kernel inside the bzImage")


def _zstd(payload: bytes) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    return decompressor.decompressobj().decompress(payload)


def _gzip(payload: bytes) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(payload, _CHUNK_LIMIT)


def _xz(payload: bytes) -> bytes:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload, _CHUNK_LIMIT)


def _lzma(payload: bytes) -> bytes:
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(payload, _CHUNK_LIMIT)


def _lz4(payload: bytes) -> bytes:
    """LZ4's legacy frame: magic, then blocks of a size and as many bytes, to the end."""
    try:
        import lz4.block
    except ImportError as error:
        raise BadInput("this kernel is packed with LZ4: install the Python package lz4") from error
    parts: list[bytes] = []
    position = len(_LZ4_LEGACY)
    while position + 4 <= len(payload):
        (size,) = struct.unpack_from("<I", payload, position)
        position += 4
        if size == 0 or position + size > len(payload):
            break  # the size of the whole kernel, which kbuild appends
        block = payload[position : position + size]
        parts.append(lz4.block.decompress(block, uncompressed_size=8 << 20))
        position += size
    return b"".join(parts)


_FORMATS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x28\xb5\x2f\xfd": _zstd,
    b"\x1f\x8b": _gzip,
    b"\xfd7zXZ\x00": _xz,
    b"\x5d\x00\x00": _lzma,
    _LZ4_LEGACY: _lz4,
}
"""Decompressor by the first bytes of the payload."""
