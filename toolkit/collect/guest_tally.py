# SPDX-License-Identifier: GPL-2.0-only
"""What a collection inside a guest has seen so far, for a terminal. It needs no library, as the recorder does not."""

from __future__ import annotations

from collections import Counter

from acceptlab.toolkit.collect.guest_program import BEGIN, HANDLERS, HOOKS

_TOP = 5


class GuestTally:
    """Counts calls and tracepoints. Of those that record the same accepts, it counts the first."""

    def __init__(self) -> None:
        self.events = 0
        self.accepts = 0
        self.accepted = 0
        self.faults = 0
        self._callers: Counter[str] = Counter()
        self._counted: str | None = None

    def add(self, name: str, start: int, end: int, caller: str) -> None:
        """Count a call of a function, or a tracepoint passed; ``caller`` is who wanted the memory, as far as known."""
        if name in HANDLERS:
            self.faults += 1
        if name not in (BEGIN, *HOOKS):
            return
        self._counted = self._counted or name
        if name == self._counted:
            self.accepts += 1
            self.accepted += end - start
            self._callers[caller or "not known"] += 1

    def top_callers(self) -> list[tuple[str, int]]:
        """Return who accepted most often, and how often."""
        return self._callers.most_common(_TOP)
