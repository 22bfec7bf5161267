# SPDX-License-Identifier: GPL-2.0-only
"""What a collection has seen so far: on a terminal a table that stays up to date, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.live import Live
from rich.table import Table

from acceptlab.analysis.kernel.caller_names import marked
from acceptlab.analysis.printable import shown
from acceptlab.analysis.trace.schema import Kind

_EVERY = 0.25
_LINE_EVERY = 10.0
"""Seconds between two looks of a terminal, and between two lines elsewhere."""
_TOP = 5
_FAULTS = (Kind.FAULT, Kind.STOP, Kind.DMA_REFUSED, Kind.CIPHERTEXT)
MIB = 1 << 20


class Tally:
    """Counts of what went by. ``name_of`` names the function that an address is in, or gives None."""

    def __init__(self, name_of: Callable[[int], str | None] = lambda _: None) -> None:
        self.events = 0
        self.accepts = 0
        self.accepted = 0
        self.faults = 0
        self.callers: Counter[tuple[int, int]] = Counter()
        self.name_of = name_of

    def add(self, records: npt.NDArray[np.void]) -> None:
        """Count an array of ``RAW_DTYPE``; an accept that was refused (result, carry) is not counted."""
        kind = records["kind"]
        done = (kind == Kind.ACCEPT) & (records["result"] == 0) & (records["carry"] != 1)
        self.events += len(records)
        self.accepts += int(done.sum())
        self.accepted += int(records["size"][done].sum())
        self.faults += int(np.isin(kind, _FAULTS).sum())
        found, counts = np.unique(records[["caller", "caller_how"]][done], return_counts=True)
        self.callers.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))

    def top_callers(self) -> list[tuple[str, int]]:
        """Return who accepted most often: name, or address where there is none, and number of accepts."""
        named: Counter[str] = Counter()
        for (address, how), count in self.callers.items():
            name = (self.name_of(address) or f"{address:#x}").partition("+")[0]
            named[marked(name, how) if address else name] += count
        return named.most_common(_TOP)


class Counts(Protocol):
    """What is shown: numbers of events, of accepts and of faults, the bytes accepted, and who accepts most often."""

    events: int
    accepts: int
    accepted: int
    faults: int

    def top_callers(self) -> list[tuple[str, int]]:
        """Return names, and how often each of them accepted."""
        ...


class View:
    """Shows counts while the block runs."""

    def __init__(self, title: str, tally: Counts) -> None:
        self._title = title
        self._tally = tally
        self._console = Console(stderr=True, soft_wrap=True)
        self._live = (
            Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        )
        self._shown = time.monotonic()
        self._then = 0
        self._rate = 0.0

    def __enter__(self) -> View:
        if self._live:
            self._live.start()
        else:
            self._print(f"{self._title} ...")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.update(self._table(0), refresh=True)
            self._live.stop()

    def update(self, lost: int) -> None:
        """Show what there is, if it is time to; ``lost`` is the number of events lost so far."""
        passed = time.monotonic() - self._shown
        if passed < (_EVERY if self._live else _LINE_EVERY):
            return
        self._rate = (self._tally.events - self._then) / passed
        self._shown, self._then = time.monotonic(), self._tally.events
        if self._live:
            self._live.update(self._table(lost), refresh=True)
        else:
            self._print(f"{self._title}: {_line(self._tally, self._rate, lost)}")

    def _table(self, lost: int) -> Table:
        tally = self._tally
        table = Table(box=None, show_header=False, pad_edge=False, title=self._title)
        table.title_justify = "left"
        table.add_row("accepted", f"{tally.accepted / MIB:,.1f} MiB in {tally.accepts:,} accepts")
        table.add_row("events", f"{tally.events:,} ({self._rate:,.0f} a second)")
        table.add_row("faults, fatal exits", f"{tally.faults:,}")
        if lost:
            table.add_row("lost", f"{lost:,}")
        for name, count in tally.top_callers():
            table.add_row(f"  {shown(name)}", f"{count:,} accepts")
        return table

    def _print(self, line: str) -> None:
        self._console.print(shown(line), highlight=False, markup=False)


def _line(tally: Counts, rate: float, lost: int) -> str:
    line = f"{tally.accepted / MIB:,.1f} MiB accepted, {tally.events:,} events ({rate:,.0f} a second), {tally.faults:,} faults"
    return f"{line}, {lost:,} LOST" if lost else line
