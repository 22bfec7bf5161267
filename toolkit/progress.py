# SPDX-License-Identifier: GPL-2.0-only
"""Progress of long work, on stderr: a live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from acceptlab.analysis.printable import shown

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LOG_EVERY = 10.0
"""Seconds between two lines about one step when stderr is no terminal."""


class Step:
    """One long step; `update` may be called as often as one likes."""

    def __init__(self, title: str, printed: Callable[[str], None], live: Progress | None) -> None:
        self.title = title
        self._print = printed
        self._live = live
        self._task = live.add_task(shown(title), total=None, note="") if live else cast("TaskID", 0)
        self._started = self._printed = time.monotonic()
        if not live:
            self._print(f"{title} ...")

    def update(self, done: float | None = None, total: float | None = None, note: str = "") -> None:
        """Report progress (`done` of `total`, in any unit) and the current step in a few words."""
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


@contextmanager
def steps(titles: Sequence[str]) -> Iterator[list[Step]]:
    """Show several steps that go on side by side; whoever ends one calls its `done`."""
    if not _is_terminal():
        yield [Step(title, say, None) for title in titles]
        return
    # Only what shows a live line is worth the time that rich takes to load.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True, soft_wrap=True), transient=True) as live:
        console = live.console

        def printed(line: str) -> None:
            console.print(shown(line), highlight=False, markup=False)

        yield [Step(title, printed, live) for title in titles]


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show one step while the block runs, and one line with its wall time when it ends well."""
    with steps([title]) as (only,):
        yield only
        only.done()


def say(message: str) -> None:
    """Print one line about the work on stderr."""
    sys.stderr.write(shown(message) + "\n")
    sys.stderr.flush()


def _is_terminal() -> bool:
    """Return whether stderr is one that can show a live line."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
