# SPDX-License-Identifier: GPL-2.0-only
"""A trace.dat of version 7 that breaks off, made such that trace-cmd reads what is left of it.

Version 7 is a row of sections, found through the options section that the head names; that of the trace data is written behind
the data, so that a file that breaks off has lost it (trace-cmd.dat.v7(5)). Here it is written anew, for the sections that are there. Which
CPU a page of data is of, only the lost section told: pages of one CPU follow each other in time, so that a page which is older than the one
before begins the next CPU. The last page is cut behind its last whole entry (Linux, include/linux/ring_buffer.h).
"""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from analysis.readers.damage import Damaged

MAGIC = b"\x17\x08\x44tracing7\0"
_OPTIONS, _BUFFER, _DONE, _CPU_COUNT = 0, 3, 0, 8
_FOUND_BY_OPTION = range(16, 22)
"""Sections whose option has the section's own number, and its place as data: formats, kallsyms, printk, command lines."""
_COMPRESSED = 1
_HEADER = "HHIQ"
_PAGE_HEADER = 16
"""Of a page of the ring buffer on 64 bits: time, and the number of bytes behind the header."""
_COMMITTED = (1 << 20) - 1
"""Of the second word of a page's header: the number of bytes; higher bits tell of lost events (kernel/trace/ring_buffer.c)."""
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
_MOST_PAGE = 1 << 16


@dataclass
class _Parts:
    """What there is: places of sections by number, options as they stand, and the pages of each CPU as (place, bytes)."""

    order: str
    page: int
    first_options: int
    sections: dict[int, int] = field(default_factory=dict)
    options: list[bytes] = field(default_factory=list)
    buffer: int | None = None
    cpus: list[tuple[int, int]] = field(default_factory=list)

    def packed(self, form: str, *values: int) -> bytes:
        return struct.pack(self.order + form, *values)


def is_for(path: Path) -> bool:
    """Tell whether a file is of the version that can be mended."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def mend(broken: Path, mended: Path) -> None:
    """Write to ``mended`` what trace-cmd can read of ``broken``. Raises Damaged when there is no trace data in it."""
    shutil.copyfile(broken, mended)
    with mended.open("r+b") as file:
        parts = _head(file)
        size = file.seek(0, 2)
        _look(file, parts, size)
        if parts.buffer is None or not parts.cpus:
            raise Damaged("it breaks off before the first page of trace data")
        file.seek(0, 2)
        place = file.tell()
        options = _options(parts)
        file.write(parts.packed(_HEADER, _OPTIONS, 0, 0, len(options)) + options)
        file.seek(parts.first_options)
        file.write(parts.packed("Q", place))


def _head(file: BinaryIO) -> _Parts:
    head = file.read(1 << 10)
    try:
        if not head.startswith(MAGIC):
            raise ValueError
        at = len(MAGIC)
        order = ">" if head[at] == 1 else "<"
        (page,) = struct.unpack_from(f"{order}I", head, at + 2)
        at = (
            head.index(b"\0", head.index(b"\0", at + 6) + 1) + 1
        )  # name and version of the compression
    except (ValueError, IndexError, struct.error):
        raise Damaged("it breaks off in its head") from None
    if not _PAGE_HEADER < page <= _MOST_PAGE or page % 8 or len(head) < at + 8:
        raise Damaged("it breaks off in its head")
    return _Parts(order, page, at)


def _look(file: BinaryIO, parts: _Parts, size: int) -> None:
    """Go from section to section, up to the first trace data or the end."""
    at = parts.first_options + 8
    while at + 16 <= size:
        file.seek(at)
        kind, flags, _, length = struct.unpack(parts.order + _HEADER, file.read(16))
        end = at + 16 + length
        if kind == _BUFFER:
            if flags & _COMPRESSED:
                raise Damaged("its trace data is compressed, and what tells of its parts is lost")
            parts.buffer = at
            _look_at_pages(file, parts, at + 16, min(end, size) if length else size)
            return
        elif end > size:
            return
        elif kind in _FOUND_BY_OPTION:
            parts.sections[kind] = at
        elif kind == _OPTIONS and not flags & _COMPRESSED:
            parts.options += _kept(file.read(length), parts.order)
        at = end


def _kept(data: bytes, order: str) -> list[bytes]:
    """The options of a section but those that name places, which are written anew."""
    kept, at = [], 0
    while at + 6 <= len(data):
        kind, length = struct.unpack_from(f"{order}HI", data, at)
        if kind not in (_DONE, _BUFFER, *_FOUND_BY_OPTION):
            kept.append(data[at : at + 6 + length])
        at += 6 + length
    return kept


def _look_at_pages(file: BinaryIO, parts: _Parts, start: int, end: int) -> None:
    at = -(-start // parts.page) * parts.page
    begin, before = at, 0
    while at + _PAGE_HEADER < end:
        file.seek(at)
        data = file.read(min(parts.page, end - at))
        (clock,) = struct.unpack_from(f"{parts.order}Q", data)
        if clock < before:
            parts.cpus.append((begin, at - begin))
            begin = at
        if len(data) < parts.page:
            whole = _whole_entries(data, parts.order)
            file.seek(at)
            file.write((parts.packed("QQ", clock, whole - _PAGE_HEADER) + data[16:whole]).ljust(parts.page, b"\0"))  # fmt: skip
        at, before = at + parts.page, clock
    if at > begin:
        parts.cpus.append((begin, at - begin))


def _whole_entries(data: bytes, order: str) -> int:
    """Where the last whole entry of a page that breaks off ends."""
    (commit,) = struct.unpack_from(f"{order}Q", data, 8)
    limit = min(len(data), _PAGE_HEADER + (commit & _COMMITTED))
    at = _PAGE_HEADER
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


def _options(parts: _Parts) -> bytes:
    """The options section: what was kept of the old ones, and where everything is."""
    count = len(parts.cpus)
    buffer = parts.packed("Q", parts.buffer or 0) + b"\0" + b"local\0"
    buffer += parts.packed("II", parts.page, count)
    for number, (place, size) in enumerate(parts.cpus):
        buffer += parts.packed("IQQ", number, place, size)
    found = [(kind, parts.packed("Q", place)) for kind, place in parts.sections.items()]
    found += [(_CPU_COUNT, parts.packed("I", count)), (_BUFFER, buffer)]
    found.append((_DONE, parts.packed("Q", 0)))
    written = [parts.packed("HI", kind, len(data)) + data for kind, data in found]
    return b"".join([*parts.options, *written])
