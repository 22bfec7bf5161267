# SPDX-License-Identifier: GPL-2.0-only
"""Progress of long work, on stderr: a live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_LOG_EVERY = 10.0
"""Seconds between two lines about one step when stderr is no terminal."""


class Step:
    """One long step; `update` may be called as often as one likes."""

    def __init__(self, title: str, console: Console, live: Progress | None) -> None:
        self.title = title
        self._console = console
        self._live = live
        self._task = live.add_task(title, total=None, note="") if live else TaskID(0)
        self._started = self._printed = time.monotonic()

    def update(self, done: float | None = None, total: float | None = None, note: str = "") -> None:
        """Tell how far the work is (`done` of `total`, in any unit) and in a few words what it does now."""
        if self._live:
            self._live.update(self._task, completed=done, total=total, note=note)
        elif time.monotonic() - self._printed >= _LOG_EVERY:
            self._printed = time.monotonic()
            share = f" {100 * done / total:.0f} %" if done is not None and total else ""
            self._console.print(
                f"{self.title}:{share} {note}".rstrip(), highlight=False, markup=False
            )

    @property
    def seconds(self) -> float:
        """Wall time since the step began."""
        return time.monotonic() - self._started


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show one step while the block runs, and one line with its wall time when it ends well."""
    console = Console(stderr=True, soft_wrap=True)
    if console.is_terminal:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=console, transient=True) as live:
            shown = Step(title, console, live)
            yield shown
    else:
        console.print(f"{title} ...", highlight=False, markup=False)
        shown = Step(title, console, None)
        yield shown
    console.print(f"{title}: done in {shown.seconds:.1f} s", highlight=False, markup=False)


def say(message: str) -> None:
    """Print one line about the work on stderr."""
    Console(stderr=True, soft_wrap=True).print(message, highlight=False, markup=False)
