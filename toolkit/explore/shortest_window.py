# SPDX-License-Identifier: GPL-2.0-only
"""The shortest window of a schedule that still shows a hit, by bisection of its start and then of its end.

Most hits end the guest, so that they lie at the end of the run: the start comes first. Before the window, the run is the one of
round robin; behind it, the vCPUs go on in round robin. A hit need not depend on the window in a simple way, so that every step is
a run: what is returned was seen to hit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_GRAIN = 1 << 14
"""Instructions: a window is not narrowed by less. About one turn."""


@dataclass(frozen=True)
class Window:
    """Instructions of the guest, the end not included."""

    start: int
    end: int


def shortest(whole: Window, hits: Callable[[Window], bool], most: int) -> Window:
    """Return the shortest window found with at most `most` calls of `hits`; `whole`, which hits, if no shorter one does.

    `hits` runs the guest with the schedule in a window, and returns whether the hit is still there.
    """
    left = most

    def tried(window: Window) -> bool:
        nonlocal left
        left -= 1
        return hits(window)

    best = whole
    found, misses = whole.start, whole.end
    while misses - found > _GRAIN and left > 0:
        middle = (found + misses) // 2
        if tried(Window(middle, best.end)):
            found, best = middle, Window(middle, best.end)
        else:
            misses = middle
    misses, found = best.start, best.end
    while found - misses > _GRAIN and left > 0:
        middle = (misses + found) // 2
        if tried(Window(best.start, middle)):
            found, best = middle, Window(best.start, middle)
        else:
            misses = middle
    return best
