# SPDX-License-Identifier: GPL-2.0-only
"""Which reader a file is for."""

from __future__ import annotations

from typing import Protocol

from analysis.errors import BadInput
from analysis.readers import ftrace, perf_script, qemu_log, raw_stream, trace_text
from analysis.readers.opened import Opened
from analysis.readers.recorder import Recorder

HEAD = 1 << 16
"""Bytes that are looked at to tell what a file is."""


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


def format_of(source: Opened) -> str:
    """The name of the format. Raises BadInput when no reader knows the file."""
    head = source.peek(HEAD)
    if not head:
        raise BadInput(f"{source.path} is empty: there is nothing to import")
    for name, reader in READERS.items():
        if reader.recognises(head):
            return name
    raise BadInput(
        f"{source.path} is of no known format; name it by --format ({', '.join(READERS)})"
    )
