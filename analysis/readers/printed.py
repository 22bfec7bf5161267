# SPDX-License-Identifier: GPL-2.0-only
"""What a guest printed on its console: entries of a trace among kernel messages, and how the guest ended.

Entries come there in four ways: printed by the guests' init behind ``PREFIX``; by ``cat trace``; by ``tp_printk`` (Linux,
Documentation/admin-guide/kernel-parameters.txt), which prints ``EVENT: FIELDS`` as a message, without task and CPU; and by
``ftrace_dump_on_oops``, between lines of dashes behind "Dumping ftrace buffer:", with times in microseconds and no brackets about the CPU.
"""

from __future__ import annotations

import re

from acceptlab.analysis.readers.lines import first_lines
from acceptlab.analysis.readers.recorder import Recorder

PREFIX = "ACCEPTLAB trace "
"""Before every line of a trace that a guest's init prints."""

_STAMP = re.compile(
    r"(?:<\d{1,3}>)?\[\s{0,12}(?P<seconds>\d{1,12}\.\d{6})\](?:\[\s{0,8}[TC]\d{1,8}\])? ?(?P<text>.*)$"
)
_MESSAGE = re.compile(r"\[\s{0,12}\d{1,12}\.\d{6}\]")
_DUMP = "Dumping ftrace buffer:"
_RULE = re.compile(r"-{20,}$")
_DUMPED = re.compile(
    r"(?P<task>.{1,40}?)-(?P<pid>\d{1,10})\s{1,40}(?P<cpu>\d{1,5})(?P<flags>[^\s\d]\S{2,7})\s{1,40}"
    r"(?P<time>\d{1,18})us[:!+#*@$ ]\s{0,8}:?\s{0,40}(?P<what>\S.*)$"
)
_PANIC = re.compile(r"Kernel panic - not syncing: .*$")
_INIT = re.compile(r"Run \S+ as init process$|ACCEPTLAB userspace")
_OFF = re.compile(r"reboot: (?:Power down|Restarting system|System halted)|ACCEPTLAB done")
ENTRY, DUMPED, MESSAGE = "entry", "dumped", "message"


def is_console(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is what a guest printed: kernel messages, or our init's."""
    if b"] Linux version " in head or b"ACCEPTLAB " in head:
        return True
    lines = [line for line in first_lines(head) if line.strip()]
    return bool(lines) and _STAMP.match(lines[0].strip()) is not None


class Console:
    """Takes the lines of a console, and gives what may be an entry, with the way in which it is printed."""

    def __init__(self, recorder: Recorder, prefixed: bool) -> None:
        self._recorder = recorder
        self._prefixed = prefixed
        self._dumping = self._userspace = False
        self.ways: set[str] = set()

    def look(self, line: str) -> tuple[str, str, str] | None:
        """The way, the text and the seconds of the message (empty without) of a line that may be an entry."""
        _, prefix, behind = line.partition(PREFIX)
        if prefix:
            return ENTRY, behind, ""
        stamp = _STAMP.match(line.strip())
        text, seconds = (stamp["text"], stamp["seconds"]) if stamp else (line, "")
        self._outcome(text.strip())
        if self._prefixed:
            return None
        if _DUMP in text:
            self._dumping = True
            return None
        if self._dumping and "---------------------------------" in text:
            return None
        if self._dumping and _DUMPED.match(text.strip()):
            return DUMPED, text, seconds
        return (MESSAGE if seconds else ENTRY), text, seconds

    def used(self, way: str) -> None:
        """Note that an entry was printed in a way. The same entries may be printed in each way, with other times."""
        self.ways.add(way)
        if len(self.ways) > 1:
            self._recorder.incomplete(
                "entries are printed in several formats with different clocks: their order is not certain"
            )

    def _outcome(self, text: str) -> None:
        if found := _PANIC.search(text):
            self._recorder.outcome = ("panic", found[0][:200])
        elif _INIT.search(text):
            self._userspace = True
        elif _OFF.search(text) and self._userspace and self._recorder.outcome is None:
            self._recorder.outcome = ("userspace", "")


def dumped(text: str) -> re.Match[str] | None:
    """The parts of an entry of an ftrace dump; ``time`` is in microseconds."""
    return _DUMPED.match(text.strip())
