# SPDX-License-Identifier: GPL-2.0-only
"""A small trace.dat of version 6 with our series' tracepoints, written by trace-cmd.dat.v6(5)."""

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
