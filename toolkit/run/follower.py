# SPDX-License-Identifier: GPL-2.0-only
"""Follow a run while it goes on: how many events so far, and what the guest printed last."""

from __future__ import annotations

import re
from pathlib import Path

from acceptlab.toolkit.progress import Step

RECORD_SIZE = 72
"""Bytes of one raw event (emulator/model/event.h)."""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[^\x20-\x7e]")
_TAIL = 512


class Follower:
    """Shows a run's progress in a step."""

    def __init__(self, step: Step, console: Path, raw_events: Path) -> None:
        self._step = step
        self._console = console
        self._raw_events = raw_events

    def __call__(self, seconds: float) -> None:  # noqa: ARG002 (the step shows its own time)
        """Look at the files and update the step."""
        events = _size(self._raw_events) // RECORD_SIZE
        counted = f"{events:,} events · " if events else ""
        self._step.update(note=f"{counted}{last_line(self._console)[:70]}")


def last_line(console: Path) -> str:
    """Return the last whole line of the console, without escape sequences; "" when there is none."""
    try:
        with console.open("rb") as file:
            file.seek(max(0, _size(console) - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [_ESCAPES.sub("", line).strip() for line in text.splitlines()[:-1]]
    return next((line for line in reversed(lines) if line), "")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
