# SPDX-License-Identifier: GPL-2.0-only
"""Distributions of many groups of values at once, in memory that does not grow with the number of values.

Values are counted in bins that are exact below 256 and at most 1/128 of their value wide above, so that a percentile is
off by less than 0.8 %. Count, sum and largest value are exact (the sum up to 2**53).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_SUB_BITS = 7
_SUB = 1 << _SUB_BITS
_BINS = 64 * _SUB
_MERGE_AT = 1 << 20
"""Uncounted (group, bin) pairs that are kept before they are merged."""
PERCENTILES = (0.5, 0.9, 0.99, 0.999)

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Distribution:
    """How the values of one group are spread, in their own unit. ``bins`` are (middle, count) of what is not empty."""

    count: int
    total: int
    p50: int
    p90: int
    p99: int
    p99_9: int
    max: int
    bins: tuple[tuple[int, int], ...] = ()


class Histograms:
    """Counts values of groups; a group is any small number."""

    def __init__(self) -> None:
        self._key: I64 = np.zeros(0, np.int64)
        self._count: I64 = np.zeros(0, np.int64)
        self._waiting: list[I64] = []
        self._waiting_size = 0
        self._total: npt.NDArray[np.float64] = np.zeros(0)
        self._max: U64 = np.zeros(0, np.uint64)

    def add(self, group: I64, value: U64) -> None:
        """Count ``value[i]`` for ``group[i]``."""
        if not len(group):
            return
        groups = int(group.max()) + 1
        if groups > len(self._total):
            more = groups - len(self._total)
            self._total = np.append(self._total, np.zeros(more))
            self._max = np.append(self._max, np.zeros(more, np.uint64))
        self._total += np.bincount(group, value.astype(np.float64), len(self._total))
        np.maximum.at(self._max, group, value)
        self._waiting.append(group * _BINS + bin_of(value))
        self._waiting_size += len(group)
        if self._waiting_size >= _MERGE_AT:
            self._merge()

    def distribution(self, group: int) -> Distribution | None:
        """The spread of one group; None when it has no values."""
        self._merge()
        start, stop = np.searchsorted(self._key, [group * _BINS, (group + 1) * _BINS])
        if start == stop:
            return None
        middle = middle_of(self._key[start:stop] - group * _BINS)
        counts = self._count[start:stop]
        largest = int(self._max[group])
        below = np.cumsum(counts)
        ranks = np.ceil(np.array(PERCENTILES) * below[-1]).astype(np.int64)
        found = middle[np.searchsorted(below, np.maximum(ranks, 1))]
        p50, p90, p99, p99_9 = (min(int(one), largest) for one in found)
        bins = tuple(zip(middle.tolist(), counts.tolist(), strict=True))
        total = int(self._total[group])
        return Distribution(int(below[-1]), total, p50, p90, p99, p99_9, largest, bins)

    def _merge(self) -> None:
        if not self._waiting:
            return
        fresh, counts = np.unique(np.concatenate(self._waiting), return_counts=True)
        keys = np.concatenate([self._key, fresh])
        self._key, where = np.unique(keys, return_inverse=True)
        weights = np.concatenate([self._count, counts]).astype(np.float64)
        self._count = np.bincount(where, weights, len(self._key)).astype(np.int64)
        self._waiting, self._waiting_size = [], 0


def bin_of(value: U64) -> I64:
    """The bin of every value: its highest eight bits, and how far they are shifted."""
    _, exponent = np.frexp(value.astype(np.float64))
    shift = np.maximum(exponent - _SUB_BITS - 1, 0).astype(np.int64)
    return np.asarray(shift * _SUB + (value >> shift.astype(np.uint64)).astype(np.int64))


def middle_of(bins: I64) -> I64:
    """The middle of every bin; below 256 that is the value itself."""
    shift = np.maximum(bins // _SUB - 1, 0)
    low = (bins - shift * _SUB) << shift
    return np.asarray(low + (1 << shift) // 2)
