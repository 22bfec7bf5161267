# SPDX-License-Identifier: GPL-2.0-only
"""What calls of guest functions and our series' tracepoints are as events.

The tracepoints are those of ``include/trace/events/accept.h`` in our series: accept_memory_begin and
accept_memory_end around every range that the platform is asked to accept, convert_memory behind a page
state change. The platform's hooks (Linux, arch/x86/include/asm/unaccepted_memory.h) take the same range as
(start, end). accept_memory() is no accept: it is asked for memory that may be accepted already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from acceptlab.analysis.kernel import kernel_facts
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.analysis.readers.accept_ranges import Numbers, range_of, value_of
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.entry_names import Call
from acceptlab.analysis.readers.ordered import Entry
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.analysis.trace.schema import STAGE_NAMES, CallerHow, ConvertTo, Kind, Stage

_HOOKS = {one.name: one for one in kernel_facts.functions(kernel_facts.HOOKS) if one.platform}
_BEGIN, _END = kernel_facts.ACCEPT_BEGIN, kernel_facts.ACCEPT_END
TRACEPOINTS = in_force(kernel_facts.TRACEPOINTS)
_MARKER = re.compile(r"acceptlab: stage ([a-z-]+)\s*$")
_FIELD = re.compile(r"(\w+)=(\S+)")
_CALLER = "caller"
_MOST_OPEN = 1 << 14
"""Calls that may be open at a time; each task has one or two."""


def fields_of(text: str) -> dict[str, str]:
    """``key=value`` pairs of a line; what is no pair is left out."""
    return dict(_FIELD.findall(text))


def number(fields: Mapping[str, str], name: str) -> int:
    """The value of one field, negative ones as 64 bits hold them. Raises Damaged without one."""
    return value_of(fields.get(name, ""), name)


ENTER, RETURN, TRACEPOINT, MARKER = "enter", "return", "tracepoint", "marker"
"""What an ``ordered.Entry`` may be for ``Calls``."""


class Calls:
    """Turns calls and tracepoints into events of a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._open: dict[tuple[str, int], tuple[int, int]] = {}
        self._accepts_by: str | None = None
        self._numbers = Numbers()
        self._doubts: dict[str, int] = {}
        self.results_missing = False
        """Whether there is an accept without a recorded result."""

    def take(self, entry: Entry) -> None:
        """An entry, in order of time. One that says nothing usable is left out, and the trace is not complete."""
        try:
            if entry.what == ENTER:
                self._entered(entry.name, entry.fields, entry)
            elif entry.what == RETURN:
                self._returned(entry.name, entry.fields, entry)
            elif entry.what == TRACEPOINT:
                self._tracepoint(entry.name, entry.fields, entry)
            else:
                self._marker(entry.name, entry)
        except Damaged as why:
            self._recorder.incomplete(f"line {entry.line}: {why}")

    def doubt(self, call: Call) -> None:
        """Count a call that may be more or less than one of its function."""
        self._doubts[call.doubt] = self._doubts.get(call.doubt, 0) + 1

    def _entered(self, function: str, fields: Mapping[str, str], at: Entry) -> None:
        """A guest function was called; its first two arguments are the first two fields."""
        names = tuple(name for name in list(fields)[:2] if name != _CALLER)
        values = self._numbers.of(function, fields, names)
        probe = self._recorder.probe(function, names)
        arguments = [*values, 0, 0]
        self._recorder.event(
            Kind.PROBE_ENTER, at.clock, at.vcpu, gpa=arguments[0], size=arguments[1], detail=probe,
            **_by(_caller(fields)),
        )  # fmt: skip
        if function in _HOOKS:
            self._recorder.of_platform(_HOOKS[function].platform, f"{function}() is called")
            self._accept(function, range_of(values, names), _caller(fields), at)

    def _returned(self, function: str, fields: Mapping[str, str], at: Entry) -> None:
        """A guest function returned; its value is the first field, if there is one."""
        value = number(fields, next(iter(fields))) if fields else 0
        probe = self._recorder.probe(function)
        self._recorder.event(Kind.PROBE_RETURN, at.clock, at.vcpu, result=value, detail=probe)
        if function in _HOOKS:
            told = bool(fields) and bool(_HOOKS[function].result)
            self._accepted(function, at, int(value & 0xFF == 0) if told else None)

    def _tracepoint(self, name: str, fields: Mapping[str, str], at: Entry) -> None:
        """One of TRACEPOINTS was passed."""
        if "stage" in fields:
            self._recorder.stage = _stage(fields["stage"])
        if name == _BEGIN:
            self._accept(_BEGIN, _range(fields), _caller(fields), at)
        elif name == _END:
            result = number(fields, "ret") if "ret" in fields else None
            self._accepted(_BEGIN, at, result)
        else:
            self._convert(fields, at)

    def _marker(self, text: str, at: Entry) -> None:
        """Something was written to trace_marker; ``acceptlab: stage NAME`` begins a stage."""
        if found := _MARKER.search(text):
            stage = _stage(found[1])
            self._recorder.event(Kind.STAGE, at.clock, at.vcpu, detail=stage)
            self._recorder.stage = stage

    def finish(self) -> None:
        """Note what the end leaves open."""
        self.results_missing = self.results_missing or bool(self._open)
        for doubt, times in self._doubts.items():
            self._recorder.incomplete(
                f"{doubt}: its entries ({times}) may be more or fewer than the calls of the function"
            )

    def _accept(self, by: str, covered: tuple[int, int], caller: int, at: Entry) -> None:
        """Hooks and tracepoints record the same accepts: the first one is used."""
        self._accepts_by = self._accepts_by or by
        if by != self._accepts_by:
            return
        start, size = covered
        event = self._recorder.event(
            Kind.ACCEPT, at.clock, at.vcpu, gpa=start, size=size, **_by(caller)
        )
        if (by, at.task) in self._open or len(self._open) == _MOST_OPEN:
            self.results_missing = True
            self._open.pop((by, at.task), None) or self._open.pop(next(iter(self._open)))
        self._open[by, at.task] = (event, at.clock)

    def _accepted(self, by: str, at: Entry, result: int | None) -> None:
        if by != self._accepts_by:
            return
        self.results_missing = self.results_missing or result is None
        if begun := self._open.pop((by, at.task), None):
            event, clock = begun
            self._recorder.complete(event, at.clock - clock, result or 0)

    def _convert(self, fields: Mapping[str, str], at: Entry) -> None:
        start, size = _range(fields)
        to = fields.get("to", "")
        if to not in ("private", "shared"):
            raise Damaged(f"to={to}: must be private or shared")
        result = number(fields, "ret") if "ret" in fields else 0
        detail = ConvertTo[to.upper()]
        self._recorder.event(
            Kind.CONVERT, at.clock, at.vcpu, gpa=start, size=size, detail=detail, result=result
        )


def _range(fields: Mapping[str, str]) -> tuple[int, int]:
    start = number(fields, "start")
    end = number(fields, "end") if "end" in fields else start + number(fields, "size")
    if not start <= end < 1 << 64:
        raise Damaged(f"the range ends at {end:#x}, before its start {start:#x}")
    return start, end - start


def _caller(fields: Mapping[str, str]) -> int:
    """The requesting function, if the recorder read the stack; else 0."""
    return number(fields, _CALLER) if _CALLER in fields else 0


def _by(caller: int) -> dict[str, int]:
    """The same for an event: what a recorder gives is the return address of the call that it stands at."""
    how = CallerHow.EXACT if caller else CallerHow.NOT_KNOWN
    return {"caller": caller, "caller_how": how}


def _stage(name: str) -> Stage:
    if name not in STAGE_NAMES:
        raise Damaged(f"unknown stage {name[:40]}")
    return Stage(STAGE_NAMES.index(name))
