# SPDX-License-Identifier: GPL-2.0-only
"""ftrace's text: tracefs' ``trace`` and ``trace_pipe``, ``trace-cmd report``, and either on a guest's console.

A line is ``TASK-PID [CPU] FLAGS SECONDS: EVENT: FIELDS`` (Linux, Documentation/trace/ftrace.rst); a
probe's fields begin with its place (``names``). ``trace`` says at its top how many entries there are, so that
a missing end is seen; trace_pipe and trace-cmd's report do not. Lines that are no entry are counted and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.calls import (
    ENTER,
    MARKER,
    RETURN,
    TRACEPOINT,
    TRACEPOINTS,
    Calls,
    fields_of,
)
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.entry_names import call_of
from acceptlab.analysis.readers.lines import BreaksOff, Line, first_lines, lines
from acceptlab.analysis.readers.ordered import Entry, Ordered
from acceptlab.analysis.readers.printed import (
    DATED,
    DUMPED,
    MESSAGE,
    PREFIX,
    Console,
    dumped,
    is_console,
)
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.analysis.trace.coverage import RESULTS

_ENTRY = re.compile(
    r"(?P<task>.{1,60}?)-(?P<pid>\d{1,10})\s{1,40}"
    r"(?:\([ \d-]{1,12}\)\s{1,8})?"  # options/record-tgid
    r"\[(?P<cpu>\d{1,5})\]\s{1,40}"
    r"(?:(?P<flags>[^\s\d]\S{2,7}|\.{3}\S{1,4})\s{1,40})?"
    r"(?P<time>\d{1,20}(?:\.\d{1,9})?):\s{1,80}(?P<what>.*)$"
)
_EVENT = re.compile(r"(?:(?P<system>[\w-]{1,64}):)?(?P<name>[\w.-]{1,128}):(?:\s+(?P<rest>.*))?$")
_PLACE = re.compile(r"\((?P<place>[^()]{1,300})\)\s*(?P<fields>.*)$")
_COUNT = re.compile(r"#\s*entries-in-buffer/entries-written: (\d{1,19})/(\d{1,19})\b")
_LOST = re.compile(r"CPU:\d+ \[(?:LOST )?(\d+ )?EVENTS(?: DROPPED)?\]")
_CONTINUED = re.compile(r"=> ")
_FILE = re.compile(r"(?P<file>[^\s:]{1,200}):\s{2,}\S.{0,60}?-\d{1,10}\s{1,40}\[")
_FUNCTION = re.compile(r"[\w.]{1,128} <-[\w.]{1,128}")
_GRAPH = re.compile(r"\d{1,5}\)\s.*\|\s|# {1,4}CPU {2}DURATION ")
_LATENCY = re.compile(r"# latency: \d+|.{1,40}-\d{1,10}\s+\d{1,5}[^\s\d]\S{2,7}\s+\d{1,18}us")
_TRACER = re.compile(r"# tracer: (?!nop\b)(\S+)")
_SAYS_A_PLACE = re.compile(
    r": \((?:\S+ <- )?[\w.]{1,128}\+0x|^accept_memory_|^convert_memory: | <- \w"
)
"""Of a kernel message, that tp_printk may have printed it."""
_MARK = "tracing_mark_write"
_RECORD = "record probes or tracepoints with tracer nop (docs/importing.md)"
_KERNEL_TIMES = "give the messages with the kernel's own (dmesg, journalctl -k -o short-monotonic)"
_TSC = 1 << 32
"""A counter of entries (trace_clock counter) stays below that, x86-tsc passes it seconds behind the boot."""

HEAD = 1 << 12
"""Bytes that are read to detect the format of a file."""


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is text of ftrace."""
    if is_console(head[:HEAD]):
        return True
    return any(
        line.startswith("# tracer:") or _ENTRY.match(line) or _GRAPH.match(line)
        for line in map(str.strip, first_lines(head)[:60])
    )


def read(source: Opened, recorder: Recorder) -> None:
    """Every probe, tracepoint of ours and stage marker; other entries are only counted. Raises OutOfOrder."""
    head = source.peek(HEAD)
    console = Console(recorder, PREFIX.encode() in head) if is_console(head) else None
    reader = _Reader(recorder, console)
    try:
        reader.take_all(lines(source))
    finally:
        reader.check_count()


def read_report(source: Opened, recorder: Recorder) -> None:
    """The same of ``trace-cmd report``'s text, which does not count its entries; the caller knows its end."""
    _Reader(recorder, None).take_all(lines(source))


def _is_preface(line: str) -> bool:
    """Comments, and the lines of trace-cmd's report before its entries."""
    return line.startswith(("#", "cpus=", "version = ", "trace-cmd ", "Hypervisor", "CPU "))


class _Reader:
    """Takes a trace line by line."""

    def __init__(self, recorder: Recorder, console: Console | None) -> None:
        self._recorder = recorder
        self._console = console
        self._calls = Calls(recorder)
        self._ordered = Ordered(self._calls.take, recorder.incomplete, recorder.sorted)
        self._promised: int | None = None
        self._seen = 0
        self._files: list[str] = []
        self._whole = True

    def take_all(self, found: Iterable[Line]) -> None:
        """Every line. Raises Damaged at the end of a text that breaks off, OutOfOrder for one that has to be sorted."""
        try:
            for line in found:
                self._take(line)
        except BreaksOff as end:
            if not self._is_whole(end.line):
                self._finish()
                raise
            self._take(end.line)
        except Damaged:
            self._finish()
            raise
        self._finish()

    def _finish(self) -> None:
        self._ordered.finish()
        self._calls.finish()
        if not self._calls.results_missing:
            self._recorder.shows.add(RESULTS)

    def check_count(self) -> None:
        """Compare the entries with what the heads of the text promise."""
        if self._promised is None:
            self._recorder.incomplete(
                "it has no count of entries (trace_pipe?), so its end may be missing"
            )
        elif self._seen < self._promised:
            first = self._recorder.first_skipped
            more = f" (no entry: {first})" if first else ""
            self._recorder.incomplete(f"{self._seen} of {self._promised} entries are there{more}")

    def _is_whole(self, line: Line) -> bool:
        """Whether a last line lacks no more than its newline: it is the last that was promised, and a return, which ends in its one value."""
        entry = _ENTRY.match(line.text.strip())
        if entry is None or self._promised != self._seen + 1:
            return False
        return (event := _EVENT.match(entry["what"])) is not None and (
            " <- " in (event["rest"] or "") and "=" in event["rest"]
        )

    def _take(self, line: Line) -> None:
        text = line.text.strip()
        if self._console is not None:
            self._printed(line)
        elif _CONTINUED.match(text):
            self._recorder.skip(line.number, line.text)
        elif not self._about(text):
            self._entry(line, text)

    def _printed(self, line: Line) -> None:
        assert self._console is not None
        found = self._console.look(line.text)
        if found is None:
            return
        way, text, seconds = found
        if way == DUMPED and (entry := dumped(text)):
            clock = int(entry["time"]) * 1000
            if self._event(line, entry["what"], clock, int(entry["cpu"]), int(entry["pid"])):
                self._console.used(way)
        elif (entry := _ENTRY.match(text.strip())) or PREFIX in line.text:
            if not self._about(text.strip()):
                self._entry(line, text.strip())
                self._console.used("entry")
        elif text.lstrip().startswith("# entries-in-buffer"):
            self._about(text.strip())
        elif way == DATED and _SAYS_A_PLACE.search(text):
            self._recorder.refuse(f"its times are dates: {_KERNEL_TIMES}")
        elif way == MESSAGE and _SAYS_A_PLACE.search(text) and self._event(
            line, text, nanoseconds(seconds), 0, _NO_TASK
        ):  # fmt: skip
            self._console.used(way)

    def _about(self, text: str) -> bool:
        """Take a line that is about the recording, and no entry."""
        if found := _COUNT.match(text):
            self._promised = (self._promised or 0) + int(found[1])
            if (lost := int(found[2]) - int(found[1])) > 0:
                self._recorder.incomplete(f"the ring buffer overwrote {lost} of {found[2]} entries")
        elif found := _LOST.match(text):
            self._recorder.incomplete(f"the ring buffer lost {found[1] or 'some '}events")
        elif found := _TRACER.match(text):
            self._ordered.section()
            self._recorder.refuse(f"it was recorded with the tracer {found[1]}: {_RECORD}")
        elif text.startswith("# tracer:"):
            self._ordered.section()
        elif _LATENCY.match(text):
            self._recorder.refuse(
                f"it is in latency format: turn off options/latency-format, and {_RECORD}"
            )
        elif _GRAPH.match(text):
            self._recorder.refuse(f"it was recorded with the tracer function_graph: {_RECORD}")
        else:
            return not text or _is_preface(text)
        return True

    def _entry(self, line: Line, text: str) -> None:
        entry = _ENTRY.match(text)
        if entry is None:
            self._recorder.skip(line.number, line.text)
            return
        self._seen += 1
        clock = nanoseconds(entry["time"])
        if clock is None:
            name = "x86-tsc" if int(entry["time"]) >= _TSC else "counter"
            self._recorder.refuse(
                f"its times are counts, not seconds (trace_clock {name}): record with trace_clock local, global, boot or mono"
            )
            return
        file = _FILE.match(text)
        task = int(entry["pid"]) | self._file(file["file"]) << 32 if file else int(entry["pid"])
        self._event(line, entry["what"], clock, int(entry["cpu"]), task)

    def _file(self, name: str) -> int:
        """The number of a file of which a line is, by the name before it (grep, trace-cmd report of several)."""
        if name not in self._files:
            self._files.append(name)
            if len(self._files) == 2:
                self._recorder.incomplete(
                    f"two recordings in one file, {self._files[0]} and {name}: their order is not certain"
                )
        return min(self._files.index(name), _MOST_FILES)

    def _event(self, line: Line, text: str, clock: int | None, cpu: int, task: int) -> bool:
        """Take ``EVENT: FIELDS``; False for what is no event of ours."""
        event = _EVENT.match(text)
        if event is None or clock is None:
            if _FUNCTION.match(text):
                self._recorder.refuse(f"it was recorded with the tracer function: {_RECORD}")
            return False
        name, rest = event["name"], event["rest"] or ""
        if name in TRACEPOINTS and "=" in rest:
            what, fields = TRACEPOINT, fields_of(rest)
        elif name == _MARK:
            what, name, fields = MARKER, rest, {}
        elif (found := _PLACE.match(rest)) and (call := call_of(name, found["place"])):
            what, name = RETURN if call.returns else ENTER, call.function
            fields = fields_of(found["fields"])
            if call.doubt:
                self._calls.doubt(call)
        else:
            return False
        self._ordered.take(Entry(clock, cpu, task, what, name, fields, line.number))
        return True


_NO_TASK = 0
"""The task of what tp_printk prints: it tells none."""
_MOST_FILES = 1 << 10


def nanoseconds(text: str) -> int | None:
    """A time such as 12.345678 in ns; None for a clock that does not count seconds."""
    seconds, point, fraction = text.partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")) if point else None
