# SPDX-License-Identifier: GPL-2.0-only
"""acceptlab's own trace text, which bpftrace and bcc scripts print; docs/trace-text.md describes it.

::

    # acceptlab trace 1 source=ebpf platform=snp
    enter snp_accept_memory clock=5 vcpu=0 task=1 start=0x40000000 end=0x40600000
    return snp_accept_memory clock=9 vcpu=0 task=1
    tracepoint accept_memory_begin clock=12 vcpu=0 task=1 start=0x40600000 end=0x40800000
    fault clock=20 vcpu=1 gpa=0x7f000000 size=1 detail=0x40400000101
    end events=4 lost=0
"""

from __future__ import annotations

import re

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.calls import (
    ENTER,
    RETURN,
    TRACEPOINT,
    TRACEPOINTS,
    Calls,
    fields_of,
    number,
)
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.entry_names import call_of
from acceptlab.analysis.readers.lines import Line, first_lines, take_lines
from acceptlab.analysis.readers.ordered import Entry, Ordered
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.analysis.run.platform import NAMES as PLATFORMS
from acceptlab.analysis.run.platform import platform_of_kind
from acceptlab.analysis.run.run_info import CLOCKS, SOURCES
from acceptlab.analysis.trace.coverage import ABSENT, RESULTS
from acceptlab.analysis.trace.schema import KIND_NAMES, STAGE_NAMES, Kind, Stage

HEADER = "# acceptlab trace 1"
_NUMBERS = ("gpa", "size", "result", "carry", "rip", "caller", "detail", "duration")
_CALL = re.compile(r"(?P<what>enter|return|tracepoint) (?P<name>[\w.:]{1,128})(?: |$)")
_EVENT = "event"


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is trace text; bpftrace says a few words before."""
    return any(line.startswith(HEADER) for line in first_lines(head))


def read(source: Opened, recorder: Recorder) -> None:
    """Every line between the header and the end line, which counts them. Raises OutOfOrder."""
    reader = _Reader(recorder)
    try:
        take_lines(source, reader.take)
    except Damaged:
        reader.finish()
        raise
    reader.finish()


class _Reader:
    """Takes the text line by line."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        recorder.source = "ebpf"
        self._calls = Calls(recorder)
        self._ordered = Ordered(self._pass_on, recorder.incomplete, recorder.sorted)
        self._ordered.may_go_back = True
        self._headers = 0
        self._ended = False
        self._events = 0

    def take(self, line: Line) -> None:
        """One line. One that docs/trace-text.md does not know is counted and left out."""
        text = line.text.strip()
        if text.startswith(HEADER):
            self._header(fields_of(text))
        elif not self._headers or not text or text[0] in "#@":
            return  # words of bpftrace; a comment; a map that bpftrace prints when it ends
        elif text.startswith("end "):
            self._end(text)
        elif self._known(text):
            self._events += 1
            if self._ended:
                self._recorder.incomplete(f"line {line.number} comes after the end line")
            try:
                self._event(line, text)
            except Damaged as why:
                self._recorder.incomplete(f"line {line.number}: {why}")
        else:
            self._recorder.skip(line.number, text)

    def _known(self, text: str) -> bool:
        word = text.partition(" ")[0]
        return word in ("enter", "return", "tracepoint") or (word in KIND_NAMES and word != "end")

    def finish(self) -> None:
        """Note a missing header or end line."""
        self._ordered.finish()
        self._calls.finish()
        if not self._headers:
            self._recorder.incomplete(f"it has no line '{HEADER}'")
        if not self._ended:
            self._recorder.incomplete(f"there is no end line; it ends after {self._events} events")
        if Kind.ACCEPT not in self._recorder.kinds or not self._calls.results_missing:
            self._recorder.shows.add(RESULTS)

    def _header(self, fields: dict[str, str]) -> None:
        for name, allowed in (("source", SOURCES), ("platform", PLATFORMS), ("clock", CLOCKS)):
            if fields.get(name, allowed[0]) not in allowed:
                raise Damaged(f"{name}={fields[name][:40]}: must be one of {', '.join(allowed)}")
        clock = fields.get("clock", "ns")
        if self._headers and not self._ended:
            self._recorder.incomplete("another header comes before the end line")
        if self._headers and clock != self._recorder.clock_unit:
            self._recorder.incomplete(
                f"two clocks ({self._recorder.clock_unit} and {clock}): the order of the events is not certain"
            )
        self._headers += 1
        self._ended = False
        self._ordered.section()
        self._recorder.source = fields.get("source", "ebpf")
        if "platform" in fields:
            self._recorder.of_platform(
                fields["platform"], f"its header says platform={fields['platform']}"
            )
        self._recorder.clock_unit = clock
        shows = set(filter(None, fields.get("shows", "").split(",")))
        if unknown := sorted(shows - set(ABSENT)):
            raise Damaged(f"shows={unknown[0][:40]}: must be one of {', '.join(ABSENT)}")
        self._recorder.shows |= shows

    def _end(self, text: str) -> None:
        fields = fields_of(text)
        events, lost = number(fields, "events"), number(fields, "lost")
        if self._ended:
            self._recorder.incomplete("there are two end lines")
        self._ended = True
        if events != self._events:
            self._recorder.incomplete(
                f"the end line counts {events} events, the trace has {self._events}"
                + (f" (none: {self._recorder.first_skipped})" if self._recorder.skipped else "")
            )
        if lost:
            self._recorder.incomplete(f"the recorder lost {lost} events")
        self._events = 0

    def _event(self, line: Line, text: str) -> None:
        fields = fields_of(text)
        clock, vcpu = number(fields, "clock"), number(fields, "vcpu")
        if call := _CALL.match(text):
            task = number(fields, "task")
            given = {key: fields[key] for key in fields if key not in ("clock", "vcpu", "task")}
            what, name = self._call(call["what"], call["name"])
            self._ordered.take(Entry(clock, vcpu, task, what, name, given, line.number))
            return
        name = text.partition(" ")[0]
        if name not in KIND_NAMES or name == "end":
            raise Damaged(f"unknown event {name[:40]!r}")
        self._ordered.take(Entry(clock, vcpu, -1, _EVENT, name, fields, line.number))

    def _call(self, what: str, name: str) -> tuple[str, str]:
        if what == "tracepoint":
            if name not in TRACEPOINTS:
                raise Damaged(f"unknown tracepoint {name[:40]}")
            return TRACEPOINT, name
        call = call_of(f"{'kretprobe' if what == 'return' else 'kprobe'}:{name.rpartition(':')[2]}")
        if call is None:
            raise Damaged(f"{what} of an unknown function")
        if call.doubt:
            self._calls.doubt(call)
        return RETURN if what == "return" else ENTER, call.function

    def _pass_on(self, entry: Entry) -> None:
        """An entry, in order of time."""
        if entry.what != _EVENT:
            self._calls.take(entry)
            return
        try:
            self._record(entry)
        except Damaged as why:
            self._recorder.incomplete(f"line {entry.line}: {why}")

    def _record(self, entry: Entry) -> None:
        name, fields = entry.name, entry.fields
        stage = fields.get("stage", "kernel")
        if stage not in STAGE_NAMES:
            raise Damaged(f"unknown stage {stage[:40]!r}")
        numbers = {key: number(fields, key) for key in _NUMBERS if key in fields}
        if numbers.get("carry", 0) > 0xFF:
            raise Damaged(f"carry={fields['carry']}: must be a carry flag")
        if name == "accept" and "result" not in numbers:
            self._calls.results_missing = True
        kind = Kind(KIND_NAMES.index(name) + 1)
        if only := platform_of_kind(name):
            self._recorder.of_platform(only.name, f"it has events of kind {name}")
        stage_code = Stage(STAGE_NAMES.index(stage))
        self._recorder.event(kind, entry.clock, entry.vcpu, stage=stage_code, **numbers)
