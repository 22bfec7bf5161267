# SPDX-License-Identifier: GPL-2.0-only
"""A small picture with a palette as a PNG file (PNG specification, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INDEXED, _BITS = 3, 8


def png(rows: Sequence[bytes], palette: Sequence[tuple[int, int, int]]) -> bytes:
    """A picture, top row first, a byte for each pixel: its place in ``palette``, whose first colour is drawn transparent."""
    size = struct.pack(">IIBBBBB", len(rows[0]), len(rows), _BITS, _INDEXED, 0, 0, 0)
    colors = b"".join(bytes(color) for color in palette)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", size),
            _chunk(b"PLTE", colors),
            _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
