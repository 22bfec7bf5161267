# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's log of the emulator's trace-events (trace backend ``log``).

A line is ``PID@SECONDS.MICROSECONDS:guest_accept seq 12 clock ... tags 0x...``; the time stamp may be missing
(``-msg timestamp=off``); lines of other trace-events are left out, and so, counted, are those that are none.
"""

from __future__ import annotations

import re

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.calls import number
from acceptlab.analysis.readers.event_words import WORDS, EmulatorEvents
from acceptlab.analysis.readers.lines import Line, take_lines
from acceptlab.analysis.readers.recorder import Recorder

_STAMP = r"(?:\d{1,10}@\d{1,20}\.\d{1,9}:)?"
_LINE = re.compile(_STAMP + r"(?P<name>guest_\w{1,40}) (?P<words>seq .*)$")
_OTHER = re.compile(_STAMP + r"[a-z]\w{1,80} ")
_PAIR = re.compile(r"(\w{1,10}) (\S{1,24})(?: |$)")


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is such a log."""
    first = head.decode("utf-8", "replace").partition("\n")[0]
    return _LINE.match(first) is not None


def read(source: Opened, recorder: Recorder) -> None:
    """Every event of the emulator; the log is complete when the end event closes it."""
    events = EmulatorEvents(recorder)
    try:
        take_lines(source, lambda line: _take(line, events, recorder))
    finally:
        events.finish()


def _take(line: Line, events: EmulatorEvents, recorder: Recorder) -> None:
    found = _LINE.match(line.text)
    if found is None:
        if line.text.strip() and not _OTHER.match(line.text):
            recorder.skip(line.number, line.text)
        return
    fields = dict(_PAIR.findall(found["words"]))
    events.take(found["name"], [number(fields, name) for name in WORDS])
