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

from analysis.absent import ABSENT, RESULTS
from analysis.readers.calls import TRACEPOINTS, Calls, Moment, fields_of, number
from analysis.readers.damage import Damaged
from analysis.readers.lines import take_lines
from analysis.readers.opened import Opened
from analysis.readers.recorder import Recorder
from analysis.run_info import CLOCKS, PLATFORMS, SOURCES
from analysis.schema import KIND_NAMES, STAGE_NAMES, Kind, Stage

HEADER = "# acceptlab trace 1"
_NUMBERS = ("gpa", "size", "result", "carry", "rip", "caller", "detail", "duration")
_CALL = re.compile(r"(?P<what>enter|return|tracepoint) (?P<name>[\w.]{1,128})(?: |$)")


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is trace text; bpftrace says a few words before."""
    text = "\n" + head.decode("utf-8", "replace")
    return f"\n{HEADER}" in text


def read(source: Opened, recorder: Recorder) -> None:
    """Every line between the header and the end line, which counts them."""
    reader = _Reader(recorder)
    try:
        take_lines(source, lambda text: reader.take(text.strip()))
    finally:
        reader.finish()


class _Reader:
    """Takes the text line by line."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        recorder.source = "ebpf"
        self._calls = Calls(recorder)
        self._begun = self._ended = False
        self._events = 0

    def take(self, text: str) -> None:
        """One line. Raises Damaged for one that docs/trace-text.md does not know."""
        if not self._begun:
            self._begun = text.startswith(HEADER)
            if self._begun:
                self._header(fields_of(text))
        elif not text or text[0] in "#@":
            return  # a comment; a map that bpftrace prints when it ends
        elif self._ended:
            raise Damaged("a line comes after the end line")
        elif text.startswith("end "):
            self._end(text)
        else:
            self._events += 1
            self._event(text)

    def finish(self) -> None:
        """Note a missing header or end line."""
        self._calls.finish()
        if not self._begun:
            self._recorder.incomplete(f"it has no line '{HEADER}'")
        if not self._ended:
            self._recorder.incomplete(f"there is no end line; it ends after {self._events} events")
        if Kind.ACCEPT not in self._recorder.kinds or not self._calls.results_missing:
            self._recorder.shows.add(RESULTS)

    def _header(self, fields: dict[str, str]) -> None:
        for name, allowed in (("source", SOURCES), ("platform", PLATFORMS), ("clock", CLOCKS)):
            if fields.get(name, allowed[0]) not in allowed:
                raise Damaged(f"{name}={fields[name][:40]} is none of {', '.join(allowed)}")
        self._recorder.source = fields.get("source", "ebpf")
        self._recorder.platform = fields.get("platform")
        self._recorder.clock_unit = fields.get("clock", "ns")
        shows = set(filter(None, fields.get("shows", "").split(",")))
        if unknown := sorted(shows - set(ABSENT)):
            raise Damaged(f"shows={unknown[0][:40]} is none of {', '.join(ABSENT)}")
        self._recorder.shows |= shows

    def _end(self, text: str) -> None:
        fields = fields_of(text)
        events, lost = number(fields, "events"), number(fields, "lost")
        self._ended = True
        if events != self._events:
            self._recorder.incomplete(
                f"the end line counts {events} events, {self._events} are there"
            )
        if lost:
            self._recorder.incomplete(f"the recorder lost {lost} events")

    def _event(self, text: str) -> None:
        fields = fields_of(text)
        clock, vcpu = number(fields, "clock"), number(fields, "vcpu")
        if call := _CALL.match(text):
            at = Moment(clock, vcpu, number(fields, "task"))
            given = {key: fields[key] for key in fields if key not in ("clock", "vcpu", "task")}
            self._call(call["what"], call["name"], given, at)
            return
        name = text.partition(" ")[0]
        if name not in KIND_NAMES or name == "end":
            raise Damaged(f"there is no event {name[:40]!r}")
        stage = fields.get("stage", "kernel")
        if stage not in STAGE_NAMES:
            raise Damaged(f"there is no stage {stage[:40]!r}")
        numbers = {key: number(fields, key) for key in _NUMBERS if key in fields}
        if numbers.get("carry", 0) > 0xFF:
            raise Damaged(f"carry={fields['carry']} is no carry flag")
        if name == "accept" and "result" not in numbers:
            self._calls.results_missing = True
        kind = Kind(KIND_NAMES.index(name) + 1)
        stage_code = Stage(STAGE_NAMES.index(stage))
        self._recorder.event(kind, clock, vcpu, stage=stage_code, **numbers)

    def _call(self, what: str, name: str, fields: dict[str, str], at: Moment) -> None:
        if what == "enter":
            self._calls.entered(name, fields, at)
        elif what == "return":
            self._calls.returned(name, fields, at)
        elif name in TRACEPOINTS:
            self._calls.tracepoint(name, fields, at)
        else:
            raise Damaged(f"there is no tracepoint {name[:40]}")
