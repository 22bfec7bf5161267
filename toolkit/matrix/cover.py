# SPDX-License-Identifier: GPL-2.0-only
"""A few combinations that stand for all: every two values that go together anywhere go together in one of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from acceptlab.toolkit.matrix.axes import Choice

PAIRS = "pairs"
"""What a spec writes for it."""


def covering(choices: Sequence[Choice]) -> list[int]:
    """Return the indices, ascending, of choices that have every pair of values that any has.

    Greedy: the one with the most new pairs comes next, of several the one whose values were used least, of these the first.
    """
    masks = _masks(choices)
    missing = 0
    for mask in masks:
        missing |= mask
    used: Counter[tuple[str, str]] = Counter()
    found = []
    while missing:
        news = [(mask & missing).bit_count() for mask in masks]
        most = max(news)
        best = min(
            (index for index, new in enumerate(news) if new == most),
            key=lambda index: sum(used[value] for value in choices[index].items()),
        )
        found.append(best)
        used.update(choices[best].items())
        missing &= ~masks[best]
    return sorted(found) or list(range(len(choices)))[:1]


def _masks(choices: Sequence[Choice]) -> list[int]:
    """Return each choice's pairs of values as the bits of a number."""
    bits: dict[tuple[tuple[str, str], tuple[str, str]], int] = {}
    masks = []
    for choice in choices:
        mask = 0
        for pair in itertools.combinations(choice.items(), 2):
            mask |= 1 << bits.setdefault(pair, len(bits))
        masks.append(mask)
    return masks
