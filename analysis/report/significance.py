# SPDX-License-Identifier: GPL-2.0-only
"""Whether two groups of runs differ by more than their seeds make them differ: an exact permutation test.

Written out rather than taken from SciPy, which would be a third of all that acceptlab installs, for these lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

MOST_SPLITS = 200_000
"""Up to here every split is tried; C(20, 10) is 184,756."""
_DRAWS = 100_000
_SEED = 1
_EQUAL = 1e-9


def p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of the difference of means, over all ways to split the values into two such groups.

    Exact up to ``MOST_SPLITS`` ways; beyond, from 100,000 random splits that are the same every time. Raises ValueError
    when a group is empty.
    """
    if not first or not second:
        raise ValueError("a group is empty")
    values = np.array([*first, *second], float)
    size, total = len(first), values.sum()
    observed = abs(values[:size].mean() - values[size:].mean())
    if math.comb(len(values), size) <= MOST_SPLITS:
        chosen = np.array(list(combinations(range(len(values)), size)))
        sums = values[chosen].sum(axis=1)
        return _share(_differences(sums, total, size, len(values)), observed)
    chance = np.random.default_rng(_SEED)
    order = chance.random((_DRAWS, len(values))).argsort(axis=1)[:, :size]
    differences = _differences(values[order].sum(axis=1), total, size, len(values))
    return _share(np.append(differences, observed), observed)


def least_p(first: int, second: int) -> float:
    """The smallest p that groups of these sizes can give."""
    return min(1.0, (2 if first == second else 1) / math.comb(first + second, first))


def _differences(
    sums: np.ndarray[tuple[int], np.dtype[np.float64]], total: float, size: int, count: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.abs(sums / size - (total - sums) / (count - size))


def _share(differences: np.ndarray[tuple[int], np.dtype[np.float64]], observed: float) -> float:
    limit = observed * (1 - _EQUAL)
    return float(np.count_nonzero(differences >= limit)) / len(differences)
