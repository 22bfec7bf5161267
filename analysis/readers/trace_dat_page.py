# SPDX-License-Identifier: GPL-2.0-only
"""Pages of the kernel's ring buffer, as a trace.dat has them, and the last one of a file that breaks off in it (Linux, include/linux/ring_buffer.h)."""

from __future__ import annotations

import struct

HEADER = 16
"""Bytes of a page's header on 64 bits: time, and the number of bytes behind the header."""
_COMMITTED = (1 << 20) - 1
"""Of the second word: the number of bytes; higher bits flag lost events (kernel/trace/ring_buffer.c)."""
_MOST = 1 << 16
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31


def is_size(page: int) -> bool:
    """Return whether pages may be of so many bytes."""
    return HEADER < page <= _MOST and page % 8 == 0


def clock_of(data: bytes, order: str) -> int:
    """The time at which a page begins."""
    return int(struct.unpack_from(f"{order}Q", data)[0])


def repaired(data: bytes, page: int, order: str) -> bytes:
    """The begin of a page, of at least its header, made a page of ``page`` bytes that ends behind its last whole entry."""
    whole = _whole_entries(data, order)
    head = data[:8] + struct.pack(f"{order}Q", whole - HEADER)
    return (head + data[HEADER:whole]).ljust(page, b"\0")


def _whole_entries(data: bytes, order: str) -> int:
    """Where the last whole entry of a page that breaks off ends."""
    (commit,) = struct.unpack_from(f"{order}Q", data, 8)
    limit = min(len(data), HEADER + (commit & _COMMITTED))
    at = HEADER
    while at + 4 <= limit:
        (word,) = struct.unpack_from(f"{order}I", data, at)
        kind, delta = (word >> 27, word & (1 << 27) - 1) if order == ">" else (word & 31, word >> 5)
        length = 4 + 4 * kind
        if kind in (_TIME_EXTEND, _TIME_STAMP):
            length = 8
        elif kind in (0, _PADDING):
            if at + 8 > limit or (kind == _PADDING and not delta):
                break
            length = 4 + struct.unpack_from(f"{order}I", data, at + 4)[0]
        if length < 8 or at + length > limit:
            break
        at += length
    return at
