# SPDX-License-Identifier: GPL-2.0-only
"""One small recording in every format, written from scratch, and reading it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.conversion import Imported, import_events
from acceptlab.analysis.readers.detect import READERS, format_of
from acceptlab.analysis.readers.event_words import trace_event_of
from acceptlab.analysis.trace.event_writer import Records
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import COLUMNS, Kind
from tests.analysis.synthetic import MIB, Guest, Layout


def small_stream() -> Records:
    """A dozen events of an emulated guest, END included."""
    guest = Guest(layout=Layout(low=4 * MIB, top=8 * MIB))
    guest.accept_memory(4 * MIB, 2 * MIB, vcpu=1)
    guest.share(MIB, 4096)
    guest.event(Kind.END, detail=len(guest.rows))
    return guest.records()


def emulator() -> bytes:
    return small_stream().tobytes()


def _words(record: np.void) -> dict[str, int]:
    tags = (int(record[name]) << bit for name, bit in
            (("vcpu", 0), ("kind", 16), ("stage", 24), ("carry", 32), ("caller_how", 40)))  # fmt: skip
    names = ("seq", "clock", "gpa", "size", "result", "rip", "caller", "detail")
    return {name: int(record[name]) for name in names} | {"tags": sum(tags)}


LOG_FORM = (
    "seq %d clock %d gpa 0x%x size 0x%x result 0x%x rip 0x%x caller 0x%x detail 0x%x tags 0x%x"
)


def qemu_log() -> bytes:
    lines = []
    for number, record in enumerate(small_stream()):
        name = trace_event_of(Kind(int(record["kind"])))
        words = LOG_FORM % tuple(_words(record).values())
        lines.append(f"4711@{1700000000 + number}.000123:{name} {words}\n")
    return "".join(lines).encode()


FTRACE = """\
# tracer: nop
#
# entries-in-buffer/entries-written: 8/8   #P:2
#
#                                _-----=> irqs-off/BH-disabled
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
           <...>-1       [000] ....1     0.123456: accept_memory: (accept_memory+0x0/0x150) start=0x40000000 size=0x400000
           <...>-1       [000] d....     0.123457: snp_accept_memory: (snp_accept_memory+0x4/0x90) start=0x40000000 end=0x40600000
 kworker/1:2-my-77      [001] d....     0.123500: snp_accept_memory: (snp_accept_memory+0x0/0x90) start=0x50000000 end=0x50200000
           <...>-1       [000] d....     0.123557: snp_accept_memory_ret: (accept_memory+0x10f/0x150 <- snp_accept_memory)
           <...>-1       [000] .....     0.123558: accept_memory_ret: (cond_accept_memory+0x8b/0xd0 <- accept_memory)
            init-1       [001] .....     0.223558: tracing_mark_write: acceptlab: stage userspace
            init-1       [001] d..2.     0.223561: <stack trace>
 => trace_event_raw_event_sched_switch
            init-1       [001] d..2.     0.223562: sched_switch: prev_comm=init prev_pid=1
"""

TRACEPOINTS = """\
           <...>-1     [000] .....     1.000000: accept_memory_begin: start=0x40000000 end=0x40200000 reason=alloc
           <...>-1     [000] .....     1.000005: accept_memory_end: start=0x40000000 end=0x40200000 ret=0
           <...>-1     [000] .....     1.000006: convert_memory: start=0x40000000 end=0x40001000 to=shared
"""

PERF = """\
# ========
# captured on    : Wed Nov 25 11:00:00 2026
# ========
#
swapper     0 [000]     1.500000:         probe:snp_accept_memory: (ffffffff810b3e40) start=0x40000000 end=0x40200000
        ffffffff810b3e41 snp_accept_memory+0x1 ([kernel.kallsyms])
        ffffffff81a00000 accept_memory+0x10f ([kernel.kallsyms])

swapper     0 [000]     1.500007: probe:snp_accept_memory__return: (ffffffff810b3e40 <- ffffffff81a00000)
Web Content  812/813  [001]     1.600000:          1    accept:accept_memory_begin: start=0x50000000 end=0x50200000 reason=alloc
init     1 [001]     1.700000: sched:sched_switch: prev_comm=init
"""

TEXT = """\
Attaching 4 probes...
# acceptlab trace 1 source=ebpf platform=tdx shows=convert,fault
enter tdx_accept_memory clock=500 vcpu=0 task=1 start=0x40000000 end=0x40600000
return tdx_accept_memory clock=900 vcpu=0 task=1 ret=1
enter accept_memory clock=1000 vcpu=1 task=9 start=0x40000000 size=0x1000
fault clock=2000 vcpu=1 gpa=0x7f000000 size=1 detail=0x101 stage=userspace
end events=4 lost=0
"""

SAMPLES: dict[str, Callable[[], bytes]] = {
    "emulator": emulator,
    "qemu-log": qemu_log,
    "ftrace": FTRACE.encode,
    "perf-script": PERF.encode,
    "text": TEXT.encode,
}
"""Per format: a recording that is complete as far as the format can tell."""
TELLS_ITS_END = ("emulator", "qemu-log", "ftrace", "text")


def read(data: bytes, folder: Path, form: str | None = None) -> Imported:
    """What came of importing these bytes; events.parquet is in ``folder``."""
    path = folder / "recorded"
    path.write_bytes(data)
    with Opened(path) as source:
        return import_events(source, READERS[form or format_of(source)], folder / "events.parquet")


def rows(folder: Path, *columns: str) -> list[tuple[int | str, ...]]:
    """The events that ``read`` left, of every event the named columns; kinds as ``Kind``."""
    batches = list(EventFile(folder / "events.parquet").batches(columns or COLUMNS))
    whole = [np.concatenate([batch[name] for batch in batches]) for name in columns or COLUMNS]
    return list(zip(*(column.tolist() for column in whole), strict=True))
