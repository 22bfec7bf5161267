# SPDX-License-Identifier: GPL-2.0-only
"""Values grouped by operation, and within it by size, stage, caller and vCPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.measure.latency.histogram import Distribution, Histograms

DIMENSIONS = ("", "size", "stage", "caller", "vcpu")
"""Dimensions by which an operation's values are grouped; "" is all of them."""
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
_EXACT = 8 * MIB
"""Up to this size values are exact, above they are rounded up to a power of two."""


@dataclass(frozen=True)
class Row:
    """The distribution of one operation's values of which ``by`` is ``value``."""

    operation: str
    by: str
    value: str
    distribution: Distribution


class Groups:
    """Adds up values by what they belong to."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._histograms = Histograms()

    def add(
        self,
        operation: str,
        by: str,
        belongs: npt.NDArray[np.generic],
        name: Callable[[int], str],
        values: npt.NDArray[np.uint64],
    ) -> None:
        """Count ``values``; ``name`` gives the name of each distinct number of ``belongs``."""
        distinct, where = np.unique(belongs, return_inverse=True)
        numbers = [self._number(operation, by, name(int(one))) for one in distinct]
        self._histograms.add(np.array(numbers, np.int64)[where.reshape(-1)], values)

    def rows(self) -> Iterator[Row]:
        """Every group: operations in order of their time in all, dimensions in order, the most time first."""
        found = []
        for (operation, by, value), number in self._numbers.items():
            if distribution := self._histograms.distribution(number):
                found.append(Row(operation, by, value, distribution))
        spent = {row.operation: row.distribution.total for row in found if row.by == ""}
        found.sort(
            key=lambda row: (
                -spent[row.operation],
                row.operation,
                DIMENSIONS.index(row.by),
                -row.distribution.total,
                row.value,
            )
        )
        yield from found

    def _number(self, operation: str, by: str, value: str) -> int:
        return self._numbers.setdefault((operation, by, value), len(self._numbers))


def size_name(size: int) -> str:
    """What a size is called: exact up to 8 MiB, ``up to 16M`` above, ``nothing`` for 0."""
    if size == 0:
        return "nothing"
    if size <= _EXACT:
        return _short(size)
    return f"up to {_short(1 << (size - 1).bit_length())}"


def rounded_sizes(sizes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Sizes as ``size_name`` groups them: few, however many there are."""
    big = sizes > _EXACT
    exponent = np.ceil(np.log2(np.maximum(sizes, 1).astype(np.float64))).astype(np.uint64)
    return np.where(big, np.uint64(1) << exponent, sizes)


def _short(size: int) -> str:
    for unit, letter in ((GIB, "G"), (MIB, "M"), (KIB, "K")):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return f"{size}B"
