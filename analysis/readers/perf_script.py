# SPDX-License-Identifier: GPL-2.0-only
"""``perf script``'s text: ``COMM PID/TID [CPU] SECONDS: SYSTEM:EVENT: FIELDS``, call chains below it.

Probes made by ``perf probe`` (system ``probe``) or by hand, tracepoints of our series, and the emulator's own probes
(``sdt_qemu:guest_accept``, arg1 to arg9 as emulator/qemu/trace-events has them). perf marks no end, so it is not known whether it
is missing. Lines that are no sample are counted and left out.
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
from acceptlab.analysis.readers.event_words import WORDS, EmulatorEvents
from acceptlab.analysis.readers.ftrace import nanoseconds
from acceptlab.analysis.readers.lines import Line, first_lines, take_lines
from acceptlab.analysis.readers.ordered import Entry, Ordered
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.analysis.trace.coverage import RESULTS

_SAMPLE = re.compile(
    r"(?:(?P<comm>.{1,40}?)\s{1,40})?(?P<pid>-?\d{1,10})(?:/(?P<tid>-?\d{1,10}))?\s{1,40}"
    r"(?:\[(?P<cpu>\d{1,5})\]\s{1,40})?(?:[^\s\d]\S{2,7}\s{1,40})?"
    r"(?P<time>\d{1,12}\.\d{6,9}):\s{1,40}(?:\d{1,20}\s{1,40})?"
    r"(?P<system>[\w-]{1,64}):(?P<name>[\w.-]{1,128}):(?:\s+(?P<rest>.*))?$"
)
_OTHER = re.compile(r".{1,60}?\s{1,40}-?\d{1,10}.{0,80}?\d{1,12}\.\d{6,9}:\s")
_NO_TIME = re.compile(
    r"(?:.{1,40}?\s{1,40})?\d{1,10}\s{1,40}(?:\[\d{1,5}\]\s{1,40})?[\w-]{1,64}:[\w.-]{1,128}:\s"
)
_FRAME = re.compile(r"\s{0,40}[\da-f]{1,16} ")
_PLACE = re.compile(r"\((?P<place>[^()]{1,300})\)\s*")
_LOST = re.compile(r".*PERF_RECORD_LOST(?:_SAMPLES)?\b|Processed \d+ events and lost \d+ ")
_FUNCTION_SYSTEMS = ("probe", "kprobes", "kprobe", "fprobes")
_EMULATOR = "sdt_qemu"


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is text of perf script."""
    found = [line.strip() for line in first_lines(head)[:60]]
    if found[:1] == ["# ========"] and len(found) > 1 and found[1].startswith("# captured on"):
        return True
    return any(_SAMPLE.match(line) or _is_without_time(line) for line in found)


def _is_without_time(line: str) -> bool:
    return _NO_TIME.match(line) is not None


def read(source: Opened, recorder: Recorder) -> None:
    """Every probe, tracepoint of ours and event of the emulator; other samples are left out. Raises OutOfOrder."""
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
        recorder.source = "perf"
        self._calls = Calls(recorder)
        self._ordered = Ordered(self._calls.take, recorder.incomplete, recorder.sorted)
        self._emulator = EmulatorEvents(recorder)
        self._samples = 0
        self._differences = False

    def take(self, line: Line) -> None:
        """One line."""
        text = line.text.strip()
        if not text or text[0] == "#":
            return
        if _LOST.match(text):
            self._recorder.incomplete("perf lost events")
        elif sample := _SAMPLE.match(text):
            self._sample(line, sample)
        elif _is_without_time(text):
            self._recorder.refuse(
                "its samples have no time: print it with perf script --fields +time"
            )
        elif not _FRAME.match(line.text) and not _OTHER.match(text):
            self._recorder.skip(line.number, line.text)

    def finish(self) -> None:
        """Pass on what is held, and say what the end of the text tells about its completeness."""
        if self._emulator.events:
            self._emulator.finish()
            return
        self._ordered.finish()
        self._calls.finish()
        if not self._calls.results_missing:
            self._recorder.shows.add(RESULTS)
        self._recorder.incomplete(
            "perf script does not mark the end of the trace, so it may be missing"
        )

    def _sample(self, line: Line, sample: re.Match[str]) -> None:
        name, rest = sample["name"], sample["rest"] or ""
        clock = nanoseconds(sample["time"]) or 0
        self._samples += 1
        if self._samples == 1 and not clock:
            self._differences = True
            self._recorder.refuse(
                "its times are differences (perf script --deltatime or --reltime): print it without these options"
            )
        if self._differences:
            return
        place = _PLACE.match(rest)
        fields = fields_of(rest[place.end() :] if place else rest)
        if sample["system"] == _EMULATOR:
            words = [number(fields, f"arg{place + 1}") for place in range(len(WORDS))]
            self._emulator.take(name, words)
            return
        if name in TRACEPOINTS:
            what = TRACEPOINT
        elif sample["system"] in _FUNCTION_SYSTEMS and (
            call := call_of(name, place["place"] if place else "")
        ):
            what, name = RETURN if call.returns else ENTER, call.function
            if call.doubt:
                self._calls.doubt(call)
        else:
            return
        task, vcpu = int(sample["tid"] or sample["pid"]), int(sample["cpu"] or 0)
        self._ordered.take(Entry(clock, vcpu, task, what, name, fields, line.number))
