# SPDX-License-Identifier: GPL-2.0-only
"""The same events, looked at as people do today: `trace-cmd report`, and a loop over a pandas table that looks for double accepts.

No stock kernel has a tracepoint with all that our events tell, so the trace.dat is not recorded but written, of version 6 as
trace-cmd.dat.v6(5) describes it: one CPU, one event type, a record for each of our events with the fields that judging takes.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.progress import step

_IDENTITY = 1500
_PAGE = 4096
_ENTRY = np.dtype(
    [
        ("head", "<u4"),
        ("type", "<u2"),
        ("flags", "u1"),
        ("preempt", "u1"),
        ("pid", "<i4"),
        ("gpa", "<u8"),
        ("size", "<u8"),
        ("result", "<u8"),
        ("detail", "<u8"),
        ("kind", "u1"),
        ("carry", "u1"),
        ("vcpu", "<u2"),
    ]
)
"""A record of the ring buffer: its header (length in words, time delta << 5), and the fields of `_FORMAT`."""
_PER_PAGE = (_PAGE - 16) // _ENTRY.itemsize
_PAGE_DTYPE = np.dtype(
    [
        ("time", "<u8"),
        ("used", "<u8"),
        ("entries", _ENTRY, (_PER_PAGE,)),
        ("rest", "u1", (_PAGE - 16 - _PER_PAGE * _ENTRY.itemsize,)),
    ]
)
_FIELDS = (
    ("unsigned short common_type", 0, 2, 0),
    ("unsigned char common_flags", 2, 1, 0),
    ("unsigned char common_preempt_count", 3, 1, 0),
    ("int common_pid", 4, 4, 1),
    ("u64 gpa", 8, 8, 0),
    ("u64 size", 16, 8, 0),
    ("u64 result", 24, 8, 0),
    ("u64 detail", 32, 8, 0),
    ("u8 kind", 40, 1, 0),
    ("u8 carry", 41, 1, 0),
    ("u16 vcpu", 42, 2, 0),
)
_COMMON_FIELDS = 4
_PRINT = '"kind=%d gpa=0x%llx size=0x%llx result=%llu carry=%d", REC->kind, REC->gpa, REC->size, REC->result, REC->carry'
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


@dataclass(frozen=True)
class BaselineTimes:
    """Seconds for the same events: `trace-cmd report` to nowhere, and the loop over a pandas table."""

    events: int
    trace_cmd: float
    pandas: float


def compare(run: Path, scratch: Path) -> BaselineTimes:
    """Measure both on the events of `run`; the trace.dat (52 bytes an event) is written to `scratch` and removed.

    Raises MachineError when trace-cmd is missing or does not read as many events as there are.
    """
    if shutil.which("trace-cmd") is None:
        raise MachineError("trace-cmd is missing: apt-get install trace-cmd")
    events = EventFile(run / "events.parquet")
    trace = scratch / "trace.dat"
    with step("writing the events as trace.dat"):
        write_trace(events, trace)
    with step("trace-cmd report"):
        started = time.perf_counter()
        with subprocess.Popen(
            ["trace-cmd", "report", "-N", "-i", str(trace)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            lines = sum(b"kind=" in line for line in process.stdout)
        trace_cmd = time.perf_counter() - started
    trace.unlink()
    if lines != events.events:
        raise MachineError(f"trace-cmd report printed {lines:,} of {events.events:,} events")
    with step("a loop over a pandas table"):
        started = time.perf_counter()
        double_accepts(run / "events.parquet")
        pandas = time.perf_counter() - started
    return BaselineTimes(events.events, trace_cmd, pandas)


def double_accepts(parquet: Path) -> int:
    """Count pages that are accepted twice with nothing in between: one invariant of ten, in the way that comes to mind first."""
    table: pd.DataFrame = pq.read_table(
        parquet, columns=["kind", "gpa", "size", "result", "carry"]
    ).to_pandas()
    accepted: set[int] = set()
    twice = 0
    for kind, gpa, size, result, carry in table.itertuples(index=False, name=None):
        if result != 0 or carry == 1 or kind not in ("accept", "rescind", "remove"):
            continue
        for page in range(gpa, gpa + size, 4096):
            if kind != "accept":
                accepted.discard(page)
            elif page in accepted:
                twice += 1
            else:
                accepted.add(page)
    return twice


def write_trace(events: EventFile, path: Path) -> None:
    """Write all events as a trace.dat that `trace-cmd report` reads."""
    with path.open("wb") as file:
        head = _file_head()
        offset = -(-(len(head) + 16) // _PAGE) * _PAGE
        file.seek(offset)
        columns = ("clock", "kind", "gpa", "size", "result", "carry", "vcpu", "detail")
        for batch in events.batches(columns, _PER_PAGE * 4000):
            _pages(batch).tofile(file)
        size = file.tell() - offset
        file.seek(0)
        file.write(head + struct.pack("<QQ", offset, size))


def _pages(batch: Batch) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """The events as pages of the ring buffer; the last is filled up with nothing."""
    count = len(batch)
    entries = np.zeros(-(-count // _PER_PAGE) * _PER_PAGE, _ENTRY)
    for name in ("gpa", "size", "result", "detail", "kind", "carry", "vcpu"):
        entries[name][:count] = batch[name]
    entries["type"], entries["pid"] = _IDENTITY, 1
    clock = batch["clock"].astype(np.int64)
    delta = np.zeros(len(entries), np.uint32)
    delta[1:count] = np.clip(np.diff(clock), 0, (1 << 27) - 1)
    delta[::_PER_PAGE] = 0
    entries["head"] = (delta << 5) | ((_ENTRY.itemsize - 4) // 4)
    pages = np.zeros(len(entries) // _PER_PAGE, _PAGE_DTYPE)
    pages["entries"] = entries.reshape(-1, _PER_PAGE)
    pages["time"] = clock[::_PER_PAGE]
    pages["used"] = _PER_PAGE * _ENTRY.itemsize
    pages["used"][-1] = (count - (len(pages) - 1) * _PER_PAGE) * _ENTRY.itemsize
    return pages


def _file_head() -> bytes:
    lines = [
        f"\tfield:{name};\toffset:{offset};\tsize:{size};\tsigned:{signed};\n"
        for name, offset, size, signed in _FIELDS
    ]
    fields = "".join([*lines[:_COMMON_FIELDS], "\n", *lines[_COMMON_FIELDS:]])
    text = f"name: event\nID: {_IDENTITY}\nformat:\n{fields}\nprint fmt: {_PRINT}\n"
    head = b"\x17\x08\x44tracing6\0" + bytes([0, 8]) + struct.pack("<I", _PAGE)
    head += b"header_page\0" + _sized(_HEADER_PAGE) + b"header_event\0" + _sized(_HEADER_EVENT)
    head += struct.pack("<I", 0)  # formats of ftrace's own events
    head += struct.pack("<I", 1) + b"acceptlab\0" + struct.pack("<I", 1) + _sized(text)
    head += struct.pack("<II", 0, 0)  # kallsyms, formats of printk
    return head + _sized("1 init\n") + struct.pack("<I", 1) + b"flyrecord\0"


def _sized(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()
