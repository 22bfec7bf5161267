# SPDX-License-Identifier: GPL-2.0-only
"""Progress of long work, on stderr: a live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from acceptlab.analysis.printable import shown

_LOG_EVERY = 10.0
"""Seconds between two lines about one step when stderr is no terminal."""


class Step:
    """One long step; `update` may be called as often as one likes."""

    def __init__(self, title: str, console: Console, live: Progress | None) -> None:
        self.title = title
        self._console = console
        self._live = live
        self._task = live.add_task(shown(title), total=None, note="") if live else TaskID(0)
        self._started = self._printed = time.monotonic()
        if not live:
            self._print(f"{title} ...")

    def update(self, done: float | None = None, total: float | None = None, note: str = "") -> None:
        """Tell how far the work is (`done` of `total`, in any unit) and in a few words what it does now."""
        if self._live:
            self._live.update(self._task, completed=done, total=total, note=shown(note))
        elif time.monotonic() - self._printed >= _LOG_EVERY:
            self._printed = time.monotonic()
            share = f" {100 * done / total:.0f} %" if done is not None and total else ""
            self._print(f"{self.title}:{share} {note}".rstrip())

    def done(self) -> None:
        """Print that the step has ended well, with its wall time."""
        seconds = time.monotonic() - self._started
        if self._live:
            self._live.remove_task(self._task)
        self._print(f"{self.title}: done in {seconds:.1f} s")

    def _print(self, line: str) -> None:
        self._console.print(shown(line), highlight=False, markup=False)


@contextmanager
def steps(titles: Sequence[str]) -> Iterator[list[Step]]:
    """Show several steps that go on side by side; whoever ends one calls its `done`."""
    console = Console(stderr=True, soft_wrap=True)
    if not console.is_terminal:
        yield [Step(title, console, None) for title in titles]
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as live:
        yield [Step(title, live.console, live) for title in titles]


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show one step while the block runs, and one line with its wall time when it ends well."""
    with steps([title]) as (only,):
        yield only
        only.done()


def say(message: str) -> None:
    """Print one line about the work on stderr."""
    Console(stderr=True, soft_wrap=True).print(shown(message), highlight=False, markup=False)
