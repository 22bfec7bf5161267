# SPDX-License-Identifier: GPL-2.0-only
"""A trace.dat of version 7 that breaks off, made such that trace-cmd reads what is left of it.

Version 7 is a row of sections, found through the options section that the head names; that of the trace data is written behind
the data, so that a file that breaks off has lost it (trace-cmd.dat.v7(5)). Here it is rebuilt, for the sections that are there. Which
CPU a page of data is of, only the lost section told: pages of one CPU follow each other in time, so that a page which is older than the one
before begins the next CPU. Compressed data tells by itself, and is put unpacked behind the rest. The last page is cut behind its last whole entry.
"""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from acceptlab.analysis.readers import trace_dat_chunks
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.trace_dat_page import HEADER, clock_of, is_size, repaired

MAGIC = b"\x17\x08\x44tracing7\0"
_OPTIONS, _BUFFER, _DONE, _CPU_COUNT = 0, 3, 0, 8
_FOUND_BY_OPTION = range(16, 22)
"""Sections whose option has the section's own number, and its place as data: formats, kallsyms, printk, command lines."""
_COMPRESSED = 1
_HEADER = "HHIQ"


@dataclass
class _Parts:
    """What there is: places of sections by number, options as they stand, and the pages of each CPU as (place, bytes)."""

    order: str
    page: int
    first_options: int
    compression: str
    sections: dict[int, int] = field(default_factory=dict)
    options: list[bytes] = field(default_factory=list)
    buffer: int | None = None
    cpus: list[tuple[int, int]] = field(default_factory=list)

    def packed(self, form: str, *values: int) -> bytes:
        return struct.pack(self.order + form, *values)


def is_for(path: Path) -> bool:
    """Return whether a file is of the version that can be repaired."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def repair(broken: Path, copy: Path) -> None:
    """Write to ``copy`` what trace-cmd can read of ``broken``. Raises Damaged when there is no trace data in it."""
    shutil.copyfile(broken, copy)
    with copy.open("r+b") as file:
        parts = _head(file)
        size = file.seek(0, 2)
        _look(file, parts, size)
        if parts.buffer is None or not any(length for _, length in parts.cpus):
            raise Damaged("it ends before the first page of trace data")
        place = file.seek(0, 2)
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
        name_end = head.index(b"\0", at + 6)
        compression = head[at + 6 : name_end].decode("utf-8", "replace")
        at = head.index(b"\0", name_end + 1) + 1  # behind its version
    except (ValueError, IndexError, struct.error):
        raise Damaged("it ends within its header") from None
    if not is_size(page) or len(head) < at + 8:
        raise Damaged("it ends within its header")
    return _Parts(order, page, at, compression)


def _look(file: BinaryIO, parts: _Parts, size: int) -> None:
    """Go from section to section, up to the first trace data or the end."""
    at = parts.first_options + 8
    while at + 16 <= size:
        file.seek(at)
        kind, flags, _, length = struct.unpack(parts.order + _HEADER, file.read(16))
        end = at + 16 + length
        if kind == _BUFFER:
            _look_at_data(file, parts, at, min(end, size) if length else size, flags)
            return
        elif end > size:
            return
        elif kind in _FOUND_BY_OPTION:
            parts.sections[kind] = at
        elif kind == _OPTIONS and not flags & _COMPRESSED:
            parts.options += _other_options(file.read(length), parts.order)
        at = end


def _other_options(data: bytes, order: str) -> list[bytes]:
    """The options of a section but those that name places, which are rebuilt."""
    kept, at = [], 0
    while at + 6 <= len(data):
        kind, length = struct.unpack_from(f"{order}HI", data, at)
        if kind not in (_DONE, _BUFFER, *_FOUND_BY_OPTION):
            kept.append(data[at : at + 6 + length])
        at += 6 + length
    return kept


def _look_at_data(file: BinaryIO, parts: _Parts, section: int, end: int, flags: int) -> None:
    start = -(-(section + 16) // parts.page) * parts.page
    if not flags & _COMPRESSED:
        parts.buffer = section
        _look_at_pages(file, parts, start, end)
    elif parts.compression == trace_dat_chunks.ALGORITHM:
        _unpack(file, parts, start, end)
    else:
        raise Damaged(
            f"its trace data is compressed with {parts.compression[:16]}, which is not supported"
        )


def _look_at_pages(file: BinaryIO, parts: _Parts, start: int, end: int) -> None:
    at = begin = start
    before = 0
    while at + HEADER < end:
        file.seek(at)
        data = file.read(min(parts.page, end - at))
        clock = clock_of(data, parts.order)
        if clock < before:
            parts.cpus.append((begin, at - begin))
            begin = at
        if len(data) < parts.page:
            file.seek(at)
            file.write(repaired(data, parts.page, parts.order))
        at, before = at + parts.page, clock
    if at > begin:
        parts.cpus.append((begin, at - begin))


def _unpack(file: BinaryIO, parts: _Parts, start: int, end: int) -> None:
    """Write the data of all CPUs behind the file, as a section that is not packed."""
    place = parts.buffer = file.seek(0, 2)
    data = -(-(place + 16) // parts.page) * parts.page
    for cpu, pages in trace_dat_chunks.unpacked(file, start, end, parts.page, parts.order):
        file.seek(data)
        file.write(pages)
        parts.cpus += [(data, 0)] * (cpu + 1 - len(parts.cpus))
        begin, length = parts.cpus[cpu]
        parts.cpus[cpu] = (begin, length + len(pages))
        data += len(pages)
    file.seek(place)
    file.write(parts.packed(_HEADER, _BUFFER, 0, 0, data - place - 16))


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
