# SPDX-License-Identifier: GPL-2.0-only
"""Where events of a trace are missing, and so what does not follow from those that are there.

A recorder that numbers what it sees leaves a gap in ``seq`` where it lost events; a trace that breaks off lacks all that
came behind. A trace that was numbered afterwards does not show where the gaps are: they may be anywhere. A trace that contradicts
itself, or run.json, is in doubt as a whole.
"""

from __future__ import annotations

from dataclasses import field

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.records import record

Seqs = npt.NDArray[np.uint64]
END = (1 << 64) - 1
"""Behind every ``seq``."""


@record
class Holes:
    """The missing events, by their numbers: from ``first`` to ``last`` of each hole, in order."""

    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    anywhere: bool = False
    """Whether events are missing, or out of order, at an unknown position."""
    doubt: str = ""
    """A contradiction that puts every event in doubt, in words; empty: none is known."""
    _next: int = 0

    def follow(self, seq: Seqs) -> npt.NDArray[np.intp]:
        """Go on with the next events, one or more; gives the positions whose number does not follow the one before."""
        first, last, count = int(seq[0]), int(seq[-1]), len(seq)
        in_order = (first, last) == (self._next, self._next + count - 1)
        expected_first, self._next = self._next, last + 1
        if in_order and (seq[1:] > seq[:-1]).all():
            return np.zeros(0, np.intp)
        expected = np.append(np.uint64(expected_first), seq[:-1] + np.uint64(1))
        wrong = np.flatnonzero(seq != expected)
        if (seq < expected).any():
            self.anywhere = True
        else:
            self.first += expected[wrong].tolist()
            self.last += (seq[wrong] - np.uint64(1)).tolist()
        return wrong

    def breaks_off(self) -> None:
        """Note that the trace ends too early: all that follows is missing."""
        self.first.append(self._next)
        self.last.append(END)

    def unnumbered(self) -> None:
        """Note that the events were numbered after some had been lost: only a visible gap has a position."""
        self.anywhere = self.anywhere or not any(last != END for last in self.last)

    def contradicted(self, doubt: str) -> None:
        """Note a contradiction, as a clause: nothing that follows from more than one event is certain. The first one stays."""
        self.doubt = self.doubt or doubt

    def __bool__(self) -> bool:
        """Whether events are missing at all."""
        return self.anywhere or bool(self.first or self.doubt)

    def between(self, low: int, high: int) -> str:
        """What is missing of the events numbered ``low`` to ``high``, or else the doubt about all, in words; nothing: an empty text."""
        return (self.doubt if self.anywhere else "") or self.lost(low, high) or self.doubt

    def lost(self, low: int, high: int) -> str:
        """What is missing of the events numbered ``low`` to ``high``, in words; nothing: an empty text."""
        if self.anywhere:
            return "events are missing at an unknown position"
        at = int(np.searchsorted(np.array(self.last, np.uint64), max(low, 0)))
        if at == len(self.first) or self.first[at] > high:
            return ""
        first, last = self.first[at], self.last[at]
        if last == END:
            return f"events from #{first} on are missing"
        return f"events #{first} to #{last} are missing" if first < last else f"event #{first} is missing"  # fmt: skip
