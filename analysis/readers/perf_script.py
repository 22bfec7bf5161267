# SPDX-License-Identifier: GPL-2.0-only
"""``perf script``'s text: ``COMM PID/TID [CPU] SECONDS: SYSTEM:EVENT: FIELDS``, call chains below it.

Probes made by ``perf probe`` (system ``probe``; a return probe is FUNCTION__return, and a number tells several of a
name apart), tracepoints of our series, and the emulator's own probes (``sdt_qemu:guest_accept``, arg1 to arg9 as
emulator/qemu/trace-events has them). perf marks no end, so that nobody can tell whether it is missing.
"""

from __future__ import annotations

import re

from analysis.absent import RESULTS
from analysis.readers.calls import TRACEPOINTS, Calls, Moment, fields_of, number, probed
from analysis.readers.damage import Damaged
from analysis.readers.emulator_words import WORDS, EmulatorEvents
from analysis.readers.ftrace import nanoseconds
from analysis.readers.lines import take_lines
from analysis.readers.opened import Opened
from analysis.readers.recorder import Recorder

_SAMPLE = re.compile(
    r"(?P<comm>.{1,40}?)\s{1,40}(?P<pid>-?\d{1,10})(?:/(?P<tid>-?\d{1,10}))?\s{1,40}"
    r"(?:\[(?P<cpu>\d{1,5})\]\s{1,40})?"
    r"(?P<time>\d{1,12}\.\d{6,9}):\s{1,40}(?:\d{1,20}\s{1,40})?"
    r"(?P<system>[\w-]{1,64}):(?P<name>[\w.-]{1,128}):(?:\s+(?P<rest>.*))?$"
)
_OTHER = re.compile(r".{1,60}?\s{1,40}-?\d{1,10}.{0,80}?\d{1,12}\.\d{6,9}:\s")
_FRAME = re.compile(r"\s{0,40}[\da-f]{1,16} ")
_PLACE = re.compile(r"\((?:[\da-f]{1,16} <- )?[\da-f]{1,16}\)\s*")
_LOST = re.compile(r".*PERF_RECORD_LOST")
_FUNCTION_SYSTEMS = ("probe", "kprobes", "kprobe")
_EMULATOR = "sdt_qemu"


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is text of perf script."""
    text = head.decode("utf-8", "replace")
    if text.startswith("# ========\n# captured on"):
        return True
    first = [line for line in text.splitlines()[:40] if line.strip() and line[0] != "#"]
    return bool(first) and _SAMPLE.match(first[0].strip()) is not None


def read(source: Opened, recorder: Recorder) -> None:
    """Every probe, tracepoint of ours and event of the emulator; other samples are left out."""
    reader = _Reader(recorder)
    try:
        take_lines(source, reader.take)
    finally:
        reader.finish()


class _Reader:
    """Takes the text line by line."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        recorder.source = "perf"
        self._calls = Calls(recorder)
        self._emulator = EmulatorEvents(recorder)

    def take(self, line: str) -> None:
        """One line. Raises Damaged for one that is none of perf script's."""
        text = line.strip()
        if not text or text[0] == "#":
            return
        if sample := _SAMPLE.match(text):
            self._sample(sample)
        elif _LOST.match(text):
            self._recorder.incomplete("perf lost events")
        elif not _FRAME.match(line) and not _OTHER.match(text):
            raise Damaged(f"is no line of perf script: {text[:60]!r}")

    def finish(self) -> None:
        """Say what the end of the text tells about its completeness."""
        if self._emulator.events:
            self._emulator.finish()
            return
        self._calls.finish()
        self._recorder.incomplete("perf script marks no end, so that it may be missing")
        if not self._calls.results_missing:
            self._recorder.shows.add(RESULTS)

    def _sample(self, sample: re.Match[str]) -> None:
        name, rest = sample["name"], sample["rest"] or ""
        fields = fields_of(_PLACE.sub("", rest, count=1))
        if sample["system"] == _EMULATOR:
            words = [number(fields, f"arg{place + 1}") for place in range(len(WORDS))]
            self._emulator.take(name, words)
            return
        task = int(sample["tid"] or sample["pid"])
        at = Moment(nanoseconds(sample["time"]), int(sample["cpu"] or 0), task)
        if name in TRACEPOINTS:
            self._calls.tracepoint(name, fields, at)
        elif sample["system"] not in _FUNCTION_SYSTEMS:
            return
        else:
            function, returns = probed(name)
            call = self._calls.returned if returns else self._calls.entered
            call(function, fields, at)
