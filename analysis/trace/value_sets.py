# SPDX-License-Identifier: GPL-2.0-only
"""Columns as sets of values. numpy's own functions load numpy.ma, which takes as long as a small run to judge."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


def distinct(values: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Return each value once, in order: np.unique of plain arrays."""
    ordered: npt.NDArray[Any] = np.sort(values, axis=None)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def table_of(*codes: int) -> npt.NDArray[np.bool_]:
    """Return a table of all codes of a byte that says which are these: `take` of a column does in a microsecond what np.isin does in fifty."""
    table = np.zeros(256, np.bool_)
    table[list(codes)] = True
    return table


def counts_of(codes: npt.NDArray[np.uint8]) -> dict[int, int]:
    """Return how often each code is there. Made for columns that have few: each of them is taken out of what is left."""
    left, counts = codes.tobytes(), {}
    while left:
        rest = left.translate(None, left[:1])
        counts[left[0]] = len(left) - len(rest)
        left = rest
    return counts


def among(values: npt.NDArray[Any], wanted: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return which of the values are wanted ones: np.isin, unless one of both is empty."""
    if not len(values) or not wanted:
        return np.zeros(len(values), np.bool_)
    return np.isin(values, list(wanted))
