# SPDX-License-Identifier: GPL-2.0-only
"""ftrace's text: tracefs' ``trace`` and ``trace_pipe``, ``trace-cmd report``, and either on a guest's console.

A line is ``TASK-PID [CPU] FLAGS SECONDS: EVENT: FIELDS`` (Linux, Documentation/trace/ftrace.rst); a
kprobe's fields begin with ``(function+0x0/0x150)`` (0x4 behind an ENDBR), a return probe's with ``(caller+0x8b/0xd0 <-
function)`` (Documentation/trace/kprobetrace.rst). ``trace`` says at its top how many entries there are, so that
a missing end is seen; trace_pipe and trace-cmd's report do not.

The guests' init prints its trace with ``PREFIX`` before every line; other lines of a console are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from analysis.absent import RESULTS
from analysis.readers.calls import TRACEPOINTS, Calls, Moment, fields_of, probed
from analysis.readers.damage import Damaged
from analysis.readers.lines import Line, lines
from analysis.readers.opened import Opened
from analysis.readers.recorder import Recorder

PREFIX = "ACCEPTLAB trace "
"""Before every line of a trace that a guest's init prints."""

_ENTRY = re.compile(
    r"(?P<task>.{1,40}?)-(?P<pid>\d{1,10})\s{1,40}"
    r"(?:\([ \d-]{1,12}\)\s{1,8})?"  # options/record-tgid
    r"\[(?P<cpu>\d{1,5})\]\s{1,40}"
    r"(?:(?P<flags>[^\s\d]\S{2,7}|\.{3}\S{1,4})\s{1,40})?"
    r"(?P<time>\d{1,20}(?:\.\d{1,9})?):\s{1,80}(?P<what>.*)$"
)
_EVENT = re.compile(r"(?:(?P<system>[\w-]{1,64}):)?(?P<name>[\w.-]{1,128}):(?:\s+(?P<rest>.*))?$")
_ENTERED = re.compile(r"\((?P<function>[\w.]{1,128})\+0x[04](?:/0x[\da-f]+)?\)\s*(?P<fields>.*)$")
_RETURNED = re.compile(r"\(\S{1,160} <- (?P<function>[\w.]{1,128})(?:\+\S+)?\)\s*(?P<fields>.*)$")
_AT_ADDRESS = re.compile(r"\((?:[\da-f]{1,16} <- )?[\da-f]{1,16}\)\s*(?P<fields>.*)$")
_COUNT = re.compile(r"# entries-in-buffer/entries-written: (\d{1,19})/(\d{1,19})\b")
_LOST = re.compile(r"CPU:\d+ \[(?:LOST )?(\d+ )?EVENTS(?: DROPPED)?\]")
_CONTINUED = re.compile(r"\s{0,8}=> ")
_MARK = "tracing_mark_write"

HEAD = 1 << 12
"""Bytes that are looked at to tell what a file is."""


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is text of ftrace."""
    text = head.decode("utf-8", "replace")
    if text.startswith("# tracer:") or is_console(head):
        return True
    first = [line for line in text.splitlines()[:40] if line.strip() and not _is_preface(line)]
    return bool(first) and _ENTRY.match(first[0].strip()) is not None


def is_console(head: bytes) -> bool:
    """Whether this is what a guest printed: kernel messages, or our init's."""
    return b"] Linux version " in head or PREFIX.encode() in head or b"ACCEPTLAB " in head


def read(source: Opened, recorder: Recorder) -> None:
    """Every probe, tracepoint of ours and stage marker; other entries are only counted."""
    found = lines(source)
    if is_console(source.peek(HEAD)):
        found = _printed(found)
    reader = _Reader(recorder)
    try:
        reader.take_all(found)
    finally:
        reader.check_count()


def read_report(source: Opened, recorder: Recorder) -> None:
    """The same of ``trace-cmd report``'s text, which does not count its entries; the caller knows its end."""
    _Reader(recorder).take_all(lines(source))


def _printed(found: Iterator[Line]) -> Iterator[Line]:
    """Of a console, the lines of the trace."""
    for line in found:
        _, prefix, text = line.text.partition(PREFIX)
        if prefix:
            yield Line(line.number, text)


def _is_preface(line: str) -> bool:
    """Comments, and the lines of trace-cmd's report before its entries."""
    return line.startswith(("#", "cpus=", "version = ", "trace-cmd ", "Hypervisor", "CPU "))


class _Reader:
    """Takes a trace line by line."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._calls = Calls(recorder)
        self._promised: int | None = None
        self._seen = 0

    def take_all(self, found: Iterable[Line]) -> None:
        """Every line. Raises Damaged at the first that is none of ftrace's."""
        try:
            for line in found:
                try:
                    self._take(line.text.strip())
                except Damaged as why:
                    raise line.damaged(str(why)) from None
        finally:
            self._calls.finish()
            if not self._calls.results_missing:
                self._recorder.shows.add(RESULTS)

    def check_count(self) -> None:
        """Compare the entries with what the head of the text promises."""
        if self._promised is None:
            self._recorder.incomplete(
                "it does not say how many entries there are (trace_pipe?), so that its end may be missing"
            )
        elif self._seen < self._promised:
            self._recorder.incomplete(f"{self._seen} of {self._promised} entries are there")

    def _take(self, text: str) -> None:
        if found := _COUNT.match(text):
            self._promised = int(found[1])
            if (lost := int(found[2]) - int(found[1])) > 0:
                self._recorder.incomplete(f"the ring buffer overwrote {lost} of {found[2]} entries")
        elif found := _LOST.match(text):
            self._recorder.incomplete(f"the ring buffer lost {found[1] or 'some '}events")
        elif not text or _is_preface(text) or _CONTINUED.match(text):
            return
        elif entry := _ENTRY.match(text):
            self._seen += 1
            self._entry(entry)
        else:
            raise Damaged(f"is no line of ftrace: {text[:60]!r}")

    def _entry(self, entry: re.Match[str]) -> None:
        event = _EVENT.match(entry["what"])
        if event is None:
            return  # another tracer's, a stack's
        at = Moment(nanoseconds(entry["time"]), int(entry["cpu"]), int(entry["pid"]))
        name, rest = event["name"], event["rest"] or ""
        if name in TRACEPOINTS:
            self._calls.tracepoint(name, fields_of(rest), at)
        elif name == _MARK:
            self._calls.marker(rest, at)
        elif found := _RETURNED.match(rest):
            self._calls.returned(found["function"], fields_of(found["fields"]), at)
        elif found := _ENTERED.match(rest):
            self._calls.entered(found["function"], fields_of(found["fields"]), at)
        elif found := _AT_ADDRESS.match(rest):
            function, returns = probed(name)
            call = self._calls.returned if returns else self._calls.entered
            call(function, fields_of(found["fields"]), at)


def nanoseconds(text: str) -> int:
    """A time such as 12.345678 in ns. Raises Damaged for a clock that does not count seconds."""
    seconds, point, fraction = text.partition(".")
    if not point:
        raise Damaged("the time is no seconds: record with trace_clock local, global, boot or mono")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
