# SPDX-License-Identifier: GPL-2.0-only
"""Where readers put events, one at a time or as whole arrays, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.run.run_info import Probe
from acceptlab.analysis.trace.event_writer import NOT_MEASURED, Durations, Records
from acceptlab.analysis.trace.schema import NO_CARRY, RAW_DTYPE, CallerHow, Kind, Stage
from acceptlab.analysis.trace.value_sets import distinct

KEPT = 1 << 16
"""Events that are held back, so that a duration that is known later can still be entered."""
MOST_PROBES = 1 << 12
_MOST_TIES = 1 << 10

_U64 = 1 << 64
_FIELDS = ("clock", "gpa", "size", "result", "rip", "caller", "detail")
_Row = list[int]
_VCPU, _KIND, _STAGE, _CARRY, _DURATION, _HOW, _RESULT = 7, 8, 9, 10, 11, 12, 3
_BYTES = (
    ("vcpu", _VCPU),
    ("kind", _KIND),
    ("stage", _STAGE),
    ("carry", _CARRY),
    ("caller_how", _HOW),
)


class Recorder:
    """Collects events in order and passes them on to ``write``, with ``seq`` counted, as arrays; ``printed`` takes lines of a console.

    ``kinds`` are the kinds seen, ``vcpus`` one more than the highest vCPU, ``problem`` why the trace is
    not complete, ``clock`` that of the last event. ``shows`` are the parts (``analysis.trace.coverage``) that the
    reader vouches for. ``source`` and ``clock_unit`` are as run.json has them, ``platform`` where the trace tells, and ``tells_platform`` how.
    ``refused`` says why what looks like entries cannot be read, ``outcome`` how the guest ended (a word of run.json's, and the line that says so).
    """

    def __init__(
        self,
        write: Callable[[Records, Durations | None], None],
        printed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.events = 0
        self.kinds: set[Kind] = set()
        self.vcpus = 0
        self.clock = 0
        self.stage = Stage.KERNEL
        self.shows: set[str] = set()
        self.source = "ftrace"
        self.clock_unit = "ns"
        self.platform: str | None = None
        self.tells_platform = ""
        self.refused: str | None = None
        self.outcome: tuple[str, str] | None = None
        self.skipped = 0
        self.first_skipped = ""
        self.sorted = False
        self._probes: dict[str, int] = {}
        self._arguments: list[tuple[str, ...]] = []
        self.problem: str | None = None
        self._write = write
        self.printed = printed
        self._rows: list[_Row] = []
        self._first = 0
        self._at_once: list[tuple[int, int, int]] = []

    def event(self, kind: Kind, clock: int, vcpu: int = 0, **fields: int) -> int:
        """Append an event of the present stage and return its number.

        ``fields``: gpa, size, result, rip, caller, detail, carry, duration, stage, caller_how. Raises Damaged for
        a value that no record can hold.
        """
        stage = fields.pop("stage", self.stage)
        carry = fields.pop("carry", NO_CARRY)
        duration = fields.pop("duration", NOT_MEASURED)
        how = fields.pop("caller_how", CallerHow.NOT_KNOWN)
        values = [fields.get(name, 0) for name in _FIELDS]
        values[0] = clock
        if not min(*values, duration) >= 0 or max(*values, duration) >= _U64:
            raise Damaged(f"event {self.events}: a number is too large")
        if not 0 <= vcpu < 1 << 16:
            raise Damaged(f"event {self.events}: no such CPU: {vcpu}")
        if self.sorted and Kind.ACCEPT <= kind <= Kind.CONVERT:
            self._check_tie(clock, vcpu, values[1], values[1] + values[2])
        self._rows.append([*values, vcpu, kind, stage, carry, duration, how])
        self.kinds.add(kind)
        self.vcpus = max(self.vcpus, vcpu + 1)
        self.clock = clock
        self.events += 1
        if len(self._rows) >= 2 * KEPT:
            self._flush(KEPT)
        return self.events - 1

    def _check_tie(self, clock: int, vcpu: int, start: int, end: int) -> None:
        """In a file that was sorted, nothing tells the order of what two vCPUs did to a page at one time."""
        if clock != self.clock:
            self._at_once = []
        for other, low, high in self._at_once:
            if other != vcpu and start < high and low < end:
                self.incomplete(
                    f"vCPUs {other} and {vcpu} use one page at the same time ({clock} {self.clock_unit}), so their order is not certain"
                )
        if len(self._at_once) < _MOST_TIES:
            self._at_once.append((vcpu, start, end))

    def skip(self, line: int, text: str) -> None:
        """Count a line that is no entry; the first is remembered."""
        self.skipped += 1
        if self.skipped == 1:
            self.first_skipped = f"line {line}: {text.strip()[:60]!r}"

    def of_platform(self, platform: str, because: str) -> None:
        """Note of which platform the guest is by what the trace shows; two in one trace contradict each other."""
        if self.platform not in (None, platform):
            self.incomplete(f"{because}, but {self.tells_platform}: the trace is of two guests")
            return
        self.platform, self.tells_platform = platform, because

    def refuse(self, why: str) -> None:
        """Note why entries cannot be read; the first reason stays."""
        self.refused = self.refused or why

    def complete(self, number: int, duration: int, result: int) -> None:
        """Enter what is known of event ``number`` only later; too late for it changes nothing."""
        if number >= self._first and 0 <= duration < _U64:
            row = self._rows[number - self._first]
            row[_DURATION], row[_RESULT] = duration, result % _U64

    def records(self, records: Records) -> None:
        """Pass on an array whose ``seq`` is right already; not to be mixed with ``event``."""
        self._write(records, None)
        self.events += len(records)
        self.kinds |= {Kind(int(kind)) for kind in distinct(records["kind"])}
        self.vcpus = max(self.vcpus, int(records["vcpu"].max()) + 1)
        self.clock = int(records["clock"][-1])
        self.stage = Stage(int(records["stage"][-1]))

    def probe(self, function: str, arguments: tuple[str, ...] = ()) -> int:
        """The index of a function among ``probes``, where it is entered if need be; its first call names its ``arguments``."""
        if function not in self._probes:
            if len(self._probes) == MOST_PROBES:
                raise Damaged(f"event {self.events}: more than {MOST_PROBES} functions")
            self._probes[function] = len(self._probes)
            self._arguments.append(())
        index = self._probes[function]
        self._arguments[index] = self._arguments[index] or arguments
        return index

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The functions that the details of probe events count, and the names of their first two arguments."""
        return tuple(
            Probe(name, 0, arguments)
            for name, arguments in zip(self._probes, self._arguments, strict=True)
        )

    def incomplete(self, problem: str) -> None:
        """Note why the trace is not complete; the first reason stays."""
        self.problem = self.problem or problem

    def finish(self) -> None:
        """Pass on the rest; a complete trace gets its end record, unless its source had one."""
        if self.problem is None and Kind.END not in self.kinds:
            self.event(Kind.END, self.clock, detail=self.events)
        self._flush(len(self._rows))

    def _flush(self, count: int) -> None:
        rows, self._rows = self._rows[:count], self._rows[count:]
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        records = np.zeros(len(rows), RAW_DTYPE)
        records["seq"] = np.arange(self._first, self._first + len(rows))
        for name, column in zip(_FIELDS, columns, strict=False):
            records[name] = np.array(column, np.uint64)
        for name, place in _BYTES:
            records[name] = columns[place]
        self._first += len(rows)
        self._write(records, np.array(columns[_DURATION], np.uint64))
