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
from typing import NamedTuple

from analysis.readers.damage import Damaged
from analysis.readers.recorder import Recorder
from analysis.schema import STAGE_NAMES, ConvertTo, Kind, Stage

HOOKS = ("snp_accept_memory", "tdx_accept_memory")
_BEGIN, _END, _CONVERT = "accept_memory_begin", "accept_memory_end", "convert_memory"
TRACEPOINTS = (_BEGIN, _END, _CONVERT)
_MARKER = re.compile(r"acceptlab: stage ([a-z-]+)\s*$")
_FIELD = re.compile(r"(\w+)=(\S+)")
_PROBE = re.compile(r"(?P<function>\w{1,128}?)(?P<return>_{1,2}return|_ret)?(?:_\d{1,4})?$")
_CALLER = "caller"
_MOST_OPEN = 1 << 14
"""Calls that may be open at a time; each task has one or two."""


def probed(event: str) -> tuple[str, bool]:
    """The function that a probe's name tells of, and whether of its return.

    ``perf probe`` makes ``accept_memory``, ``accept_memory_1`` and ``accept_memory__return``; by hand ``_return`` or
    ``_ret`` is as usual.
    """
    found = _PROBE.match(event)
    return (found["function"], found["return"] is not None) if found else (event, False)


class Moment(NamedTuple):
    """When (ns), on which vCPU, and by which task something happened."""

    clock: int
    vcpu: int
    task: int


def fields_of(text: str) -> dict[str, str]:
    """``key=value`` pairs of a line; what is no pair is left out."""
    return dict(_FIELD.findall(text))


def number(fields: Mapping[str, str], name: str) -> int:
    """The value of one field, negative ones as 64 bits hold them. Raises Damaged without one."""
    text = fields.get(name, "")
    try:
        value = int(text, 16 if text.lower().startswith(("0x", "-0x")) else 10)
    except ValueError:
        raise Damaged(f"{name}={text} is no number" if text else f"there is no {name}=") from None
    if not -(1 << 63) <= value < 1 << 64:
        raise Damaged(f"{name}={text} is too large")
    return value % (1 << 64)


class Calls:
    """Turns calls and tracepoints into events of a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._open: dict[tuple[str, int], tuple[int, int]] = {}
        self._accepts_by: str | None = None
        self.results_missing = False
        """Whether there is an accept of which the trace does not tell how it ended."""

    def entered(self, function: str, fields: Mapping[str, str], at: Moment) -> None:
        """A guest function was called; its first two arguments are the first two fields."""
        names = tuple(name for name in list(fields)[:2] if name != _CALLER)
        arguments = [number(fields, name) for name in names] + [0, 0]
        probe = self._recorder.probe(function, names)
        self._recorder.event(
            Kind.PROBE_ENTER, at.clock, at.vcpu, gpa=arguments[0], size=arguments[1], detail=probe,
            caller=_caller(fields),
        )  # fmt: skip
        if function in HOOKS:
            self._recorder.platform = function[:3]
            self._accept(function, fields, at)

    def returned(self, function: str, fields: Mapping[str, str], at: Moment) -> None:
        """A guest function returned; its value is the first field, if there is one."""
        value = number(fields, next(iter(fields))) if fields else 0
        probe = self._recorder.probe(function)
        self._recorder.event(Kind.PROBE_RETURN, at.clock, at.vcpu, result=value, detail=probe)
        if function in HOOKS:
            # tdx_accept_memory() returns whether it succeeded, snp_accept_memory() nothing.
            told = bool(fields) and function == "tdx_accept_memory"
            self._accepted(function, at, int(value & 0xFF == 0) if told else None)

    def tracepoint(self, name: str, fields: Mapping[str, str], at: Moment) -> None:
        """One of TRACEPOINTS was passed."""
        if "stage" in fields:
            self._recorder.stage = _stage(fields["stage"])
        if name == _BEGIN:
            self._accept(_BEGIN, fields, at)
        elif name == _END:
            result = number(fields, "ret") if "ret" in fields else None
            self._accepted(_BEGIN, at, result)
        else:
            self._convert(fields, at)

    def marker(self, text: str, at: Moment) -> None:
        """Something was written to trace_marker; ``acceptlab: stage NAME`` begins a stage."""
        if found := _MARKER.search(text):
            stage = _stage(found[1])
            self._recorder.event(Kind.STAGE, at.clock, at.vcpu, detail=stage)
            self._recorder.stage = stage

    def finish(self) -> None:
        """Note what the end leaves open."""
        self.results_missing = self.results_missing or bool(self._open)

    def _accept(self, by: str, fields: Mapping[str, str], at: Moment) -> None:
        """Hooks and tracepoints tell of the same accepts: the one that comes first is believed."""
        self._accepts_by = self._accepts_by or by
        if by != self._accepts_by:
            return
        start, size = _range(fields)
        event = self._recorder.event(
            Kind.ACCEPT, at.clock, at.vcpu, gpa=start, size=size, caller=_caller(fields)
        )
        if (by, at.task) in self._open or len(self._open) == _MOST_OPEN:
            self.results_missing = True
            self._open.pop((by, at.task), None) or self._open.pop(next(iter(self._open)))
        self._open[by, at.task] = (event, at.clock)

    def _accepted(self, by: str, at: Moment, result: int | None) -> None:
        if by != self._accepts_by:
            return
        self.results_missing = self.results_missing or result is None
        if begun := self._open.pop((by, at.task), None):
            event, clock = begun
            self._recorder.complete(event, at.clock - clock, result or 0)

    def _convert(self, fields: Mapping[str, str], at: Moment) -> None:
        start, size = _range(fields)
        to = fields.get("to", "")
        if to not in ("private", "shared"):
            raise Damaged(f"to={to} is neither private nor shared")
        result = number(fields, "ret") if "ret" in fields else 0
        detail = ConvertTo[to.upper()]
        self._recorder.event(
            Kind.CONVERT, at.clock, at.vcpu, gpa=start, size=size, detail=detail, result=result
        )


def _range(fields: Mapping[str, str]) -> tuple[int, int]:
    start = number(fields, "start")
    end = number(fields, "end") if "end" in fields else start + number(fields, "size")
    if not start <= end < 1 << 64:
        raise Damaged(f"the range ends at {end:#x}, before it begins at {start:#x}")
    return start, end - start


def _caller(fields: Mapping[str, str]) -> int:
    """Who asked, where the recorder looked at the stack; else 0."""
    return number(fields, _CALLER) if _CALLER in fields else 0


def _stage(name: str) -> Stage:
    if name not in STAGE_NAMES:
        raise Damaged(f"there is no stage {name[:40]}")
    return Stage(STAGE_NAMES.index(name))
