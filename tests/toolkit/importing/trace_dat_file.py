# SPDX-License-Identifier: GPL-2.0-only
"""Small trace.dats with our series' tracepoints, written by trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5)."""

from __future__ import annotations

import struct

_COMMON = """\
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:u64 start;\toffset:8;\tsize:8;\tsigned:0;
\tfield:u64 end;\toffset:16;\tsize:8;\tsigned:0;
"""
_HEADER_PAGE = """\
\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;
"""
_HEADER_EVENT = """\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\tdata max type_len  == 28
"""
_NAMES = {1500: "accept_memory_begin", 1501: "accept_memory_end"}
_PAGE = 4096


def _format(identity: int, name: str) -> bytes:
    text = f"name: {name}\nID: {identity}\nformat:\n{_COMMON}\n"
    return (text + 'print fmt: "start=0x%llx end=0x%llx", REC->start, REC->end\n').encode()


def _sized(data: bytes, width: str = "<Q") -> bytes:
    return struct.pack(width, len(data)) + data


def _entry(delta: int, identity: int, start: int, end: int) -> bytes:
    data = struct.pack("<HBBiQQ", identity, 0, 0, 1, start, end)
    return struct.pack("<I", len(data) // 4 | delta << 5) + data


def _page(first: int, entries: bytes) -> bytes:
    return (struct.pack("<QQ", first, len(entries)) + entries).ljust(_PAGE, b"\0")


def trace_dat(ranges: list[tuple[int, int]]) -> bytes:
    """A trace of one CPU that accepts ``ranges`` (start, end), each in 500 ns, from 1 s on."""
    entries = b"".join(
        _entry(delta, identity, *one)
        for one in ranges
        for delta, identity in ((1000, 1500), (500, 1501))
    )
    head = b"\x17\x08\x44tracing6\0" + bytes([0, 8]) + struct.pack("<I", _PAGE)
    head += b"header_page\0" + _sized(_HEADER_PAGE.encode())
    head += b"header_event\0" + _sized(_HEADER_EVENT.encode())
    head += struct.pack("<I", 0)  # formats of ftrace's own events
    head += struct.pack("<I", 1) + b"accept\0" + struct.pack("<I", len(_NAMES))
    head += b"".join(_sized(_format(*one)) for one in _NAMES.items())
    head += _sized(b"", "<I") + _sized(b"", "<I")  # kallsyms, printk formats
    head += _sized(b"1 init\n") + struct.pack("<I", 1) + b"flyrecord\0"
    offset = -(-(len(head) + 16) // _PAGE) * _PAGE
    head += struct.pack("<QQ", offset, _PAGE)
    return head.ljust(offset, b"\0") + _page(1_000_000_000, entries)


def _section(kind: int, data: bytes) -> bytes:
    return struct.pack("<HHIQ", kind, 0, 0, len(data)) + data


def _option(kind: int, data: bytes) -> bytes:
    return struct.pack("<HI", kind, len(data)) + data


def _at(place: int) -> bytes:
    return struct.pack("<Q", place)


def trace_dat_7(cpus: list[list[list[tuple[int, int]]]]) -> bytes:
    """A trace of version 7: of every CPU its pages, of every page the ranges accepted, each in 500 ns, from 1 s on.

    As `trace-cmd record` writes it: formats, options that name them, trace data, options that name that.
    """
    file = b"\x17\x08\x44tracing7\0" + bytes([0, 8]) + struct.pack("<I", _PAGE) + b"none\0\0"
    first_options = len(file)
    file += _at(0)
    formats = struct.pack("<I", 1) + b"accept\0" + struct.pack("<I", len(_NAMES))
    formats += b"".join(_sized(_format(*one)) for one in _NAMES.items())
    header = b"header_page\0" + _sized(_HEADER_PAGE.encode())
    header += b"header_event\0" + _sized(_HEADER_EVENT.encode())
    sections = {
        16: header,
        17: struct.pack("<I", 0),
        18: formats,
        19: _sized(b"", "<I"),
        20: _sized(b"", "<I"),
        21: _sized(b"1 init\n"),
    }
    places = {}
    for kind, data in sections.items():
        places[kind] = len(file)
        file += _section(kind, data)
    options = b"".join(_option(kind, _at(place)) for kind, place in places.items())
    options += _option(4, b"[local]\0") + _option(8, struct.pack("<I", len(cpus)))
    place = len(file)
    file = file[:first_options] + _at(place) + file[first_options + 8 :]
    done = place + 16 + len(options) + 6
    file += _section(0, options + _option(0, _at(0)))
    buffer = len(file)
    start = -(-(buffer + 16) // _PAGE) * _PAGE
    data, described = b"", b""
    for number, pages in enumerate(cpus):
        described += struct.pack("<IQQ", number, start + len(data), _PAGE * len(pages))
        for index, ranges in enumerate(pages):
            entries = b"".join(
                _entry(delta, identity, *one)
                for one in ranges
                for delta, identity in ((1000, 1500), (500, 1501))
            )
            data += _page(1_000_000_000 + 1_000_000 * index + number, entries)
    padding = bytes(start - buffer - 16)
    file += _section(3, padding + data)
    last = len(file)
    file = file[:done] + _at(last) + file[done + 8 :]
    about = _at(buffer) + b"\0local\0" + struct.pack("<II", _PAGE, len(cpus)) + described
    return file + _section(0, _option(3, about) + _option(0, _at(0)))
