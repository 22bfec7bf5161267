# SPDX-License-Identifier: GPL-2.0-only
"""Which of some kernels in a row to try next: halves what is left between a good and a bad one, and avoids those that say nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acceptlab.toolkit.bisect.trial import Word


@dataclass(frozen=True)
class Border:
    """Where good ends and bad begins, as places in the row; ``open`` are the places between that nothing is known of."""

    good: int
    bad: int
    open: tuple[int, ...]


def border(words: Mapping[int, Word]) -> Border:
    """Return the border that these words leave: the last good place before the first bad one, and what lies between.

    The first place is good, the last one bad.
    """
    bad = min(place for place, word in words.items() if word is Word.BAD)
    good = max(place for place, word in words.items() if word is Word.GOOD and place < bad)
    return Border(good, bad, tuple(range(good + 1, bad)))


def next_place(words: Mapping[int, Word]) -> int | None:
    """Return the untried place that is farthest from those that were tried, None where there is none left.

    That is the middle where nothing was skipped, else the middle of a half: neighbours often have the same other problem.
    """
    found = border(words)
    left = [place for place in found.open if place not in words]
    middle = (found.good + found.bad) / 2

    def rank(place: int) -> tuple[int, float, int]:
        return -min(abs(place - other) for other in words), abs(place - middle), place

    return min(left, key=rank, default=None)


def most_trials(places: Sequence[object]) -> int:
    """Return how many trials a row takes at most when none is skipped, its two ends included."""
    return 2 + max(0, len(places) - 2).bit_length()
