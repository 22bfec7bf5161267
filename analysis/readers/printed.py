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

_LOGGER = r"[^\[\]]{8,100}? kernel: "
"""What syslog and the journal put before a message: date, host, and who wrote it."""
_STAMP = re.compile(
    rf"(?:<\d{{1,3}}>|[a-z\d]{{2,8}} {{0,4}}:[a-z]{{2,8}} {{0,4}}: |{_LOGGER})?"  # /dev/kmsg's level, `dmesg -x`, syslog
    r"\[\s{0,12}(?P<seconds>\d{1,12}\.\d{6})\](?:\[\s{0,8}[TC]\d{1,8}\])? ?"
    r"(?:\S{1,64} kernel: )?(?P<text>.*)$"  # `journalctl -o short-monotonic`
)
_DATED = re.compile(
    rf"(?:\[\w{{3}} \w{{3}} [ \d]\d \d\d:\d\d:\d\d \d{{4}}\] |{_LOGGER})(?P<text>.*)$"
)
"""A message behind a date: `dmesg -T`, and the journal's other forms."""
_DUMP = "Dumping ftrace buffer:"
_DUMPED = re.compile(
    r"(?P<task>.{1,40}?)-(?P<pid>\d{1,10})\s{1,40}(?P<cpu>\d{1,5})(?P<flags>[^\s\d]\S{2,7})\s{1,40}"
    r"(?P<time>\d{1,18})us[:!+#*@$ ]\s{0,8}:?\s{0,40}(?P<what>\S.*)$"
)
_PANIC = re.compile(r"Kernel panic - not syncing: .*$")
_INIT = re.compile(r"Run \S+ as init process$|ACCEPTLAB userspace")
_OFF = re.compile(r"reboot: (?:Power down|Restarting system|System halted)|ACCEPTLAB done")
ENTRY, DUMPED, MESSAGE, DATED = "entry", "dumped", "message", "dated"


def is_console(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is what a guest printed: kernel messages, or our init's."""
    if b"] Linux version " in head or b"ACCEPTLAB " in head:
        return True
    first = [line.strip() for line in first_lines(head) if line.strip()][:2]  # "-- Boot ... --"
    return any(form.match(line) for line in first for form in (_STAMP, _DATED))


class Console:
    """Takes the lines of a console, and gives what may be an entry, with the way in which it is printed."""

    def __init__(self, recorder: Recorder, prefixed: bool) -> None:
        self._recorder = recorder
        self._prefixed = prefixed
        self._dumping = self._userspace = False
        self.ways: set[str] = set()

    def look(self, line: str) -> tuple[str, str, str] | None:
        """The way, the text and the seconds of the message (empty without) of a line that may be an entry.

        The recorder gets the line as the kernel prints it on a console.
        """
        _, prefix, behind = line.partition(PREFIX)
        if prefix:
            return ENTRY, behind, ""
        way, text, seconds = _message(line)
        self._recorder.printed(f"[{seconds:>12}] {text}" if seconds else text)
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
        return way, text, seconds

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


def _message(line: str) -> tuple[str, str, str]:
    """The way in which a line of a console is printed, its text, and the seconds before it (empty without)."""
    if stamp := _STAMP.match(line.strip()):
        return MESSAGE, stamp["text"], stamp["seconds"]
    if dated := _DATED.match(line.strip()):
        return DATED, dated["text"], ""
    return ENTRY, line, ""


def dumped(text: str) -> re.Match[str] | None:
    """The parts of an entry of an ftrace dump; ``time`` is in microseconds."""
    return _DUMPED.match(text.strip())
