# SPDX-License-Identifier: GPL-2.0-only
"""The compressed trace data of a trace.dat of version 7, of a file that may break off in it (trace-cmd.dat.v7(5)).

The data of each CPU begins at the border of a page: the number of chunks, then for each its size, the size it unpacks to, and
the chunk. So it tells by itself where the next CPU's begins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import zstandard

from acceptlab.analysis.readers.damage import Damaged

ALGORITHM = "zstd"
"""The only one that trace-cmd is built with in Debian, and that is read here."""
_MOST_CHUNK = 1 << 24
"""Bytes of a chunk, packed or not; trace-cmd makes them of ten pages."""


def unpacked(
    file: BinaryIO, at: int, end: int, page: int, order: str
) -> Iterator[tuple[int, bytes]]:
    """Yield the number of a CPU and some whole pages of its data, from place ``at`` on, CPU after CPU, as far as chunks are whole.

    Raises Damaged for what is no such data.
    """
    cpu = 0
    while at + 4 <= end:
        file.seek(at)
        (count,) = struct.unpack(f"{order}I", file.read(4))
        at += 4
        for _ in range(count):
            file.seek(at)
            head = file.read(8)
            if len(head) < 8:
                return
            packed, size = struct.unpack(f"{order}II", head)
            if max(packed, size) > _MOST_CHUNK:
                raise Damaged(f"byte {at}: a chunk of {packed} bytes, {size} unpacked")
            at += 8 + packed
            if at > end:
                return
            yield cpu, _unpack(file.read(packed), size - size % page)
        at = -(-at // page) * page
        cpu += 1


def _unpack(data: bytes, size: int) -> bytes:
    try:
        return zstandard.ZstdDecompressor().stream_reader(data).read(size)
    except zstandard.ZstdError as error:
        raise Damaged(f"a chunk of its trace data cannot be unpacked ({error})") from error
