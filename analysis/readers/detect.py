# SPDX-License-Identifier: GPL-2.0-only
"""Which reader a file is for."""

from __future__ import annotations

import re
from typing import Protocol

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.readers import ftrace, perf_script, qemu_log, raw_stream, trace_text
from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.lines import first_lines
from acceptlab.analysis.readers.recorder import Recorder

HEAD = 1 << 16
"""Bytes that are read to detect the format of a file."""


class Reader(Protocol):
    """What every module of a format offers."""

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with ``head`` is of this format."""
        ...

    def read(self, source: Opened, recorder: Recorder) -> None:
        """Hand every event to the recorder. Raises Damaged where that ends too early."""
        ...


READERS: dict[str, Reader] = {
    "text": trace_text,
    "qemu-log": qemu_log,
    "ftrace": ftrace,
    "perf-script": perf_script,
    "emulator": raw_stream,
}
"""Every format by its name; a file is of the first that recognises it."""


_TEXT = "print acceptlab's trace text instead (docs/trace-text.md)"
NOT_READ: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r'\s*\{.*"traceEvents"'),
        "a trace in Chrome's JSON format: import its source instead",
    ),
    (re.compile(r"\s*PID\s+TID\s+COMM\s+FUNC\b"), f"output of bcc's trace: {_TEXT}"),
    (
        re.compile(r"Attach(?:ing|ed) \d+ probes?"),
        f"output of a bpftrace script in an unknown format: {_TEXT}",
    ),
    (
        re.compile(r"\s*\d+\.\d{3} .{0,60}\b[\w-]+:\w+\("),
        "output of perf trace: record with perf record, and print with perf script",
    ),
)
"""Recordings that are not read, by the look of a line near their beginning, and what to do."""


def format_of(source: Opened) -> str:
    """The name of the format. Raises BadInput when no reader knows the file."""
    head = source.peek(HEAD)
    if not head:
        raise BadInput(f"{source.path} is empty: nothing to import")
    for name, reader in READERS.items():
        if reader.recognises(head):
            return name
    for line in first_lines(head)[:20]:
        for look, what in NOT_READ:
            if look.match(line):
                raise BadInput(f"{source.path} is {what}")
    raise BadInput(
        f"{source.path} has an unknown format; select one with --format ({', '.join(READERS)})"
    )
