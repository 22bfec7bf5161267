# SPDX-License-Identifier: GPL-2.0-only
"""The axes of a chart: where a value lies in pixels, and which values are named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Axis:
    """One axis from ``start`` to ``end`` in pixels. ``low`` and ``high`` are values, of a logarithmic axis their logarithms.

    ``places`` are a categorical axis' names, which lie at 0, 1, 2 ...
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    places: tuple[str, ...] = ()
    named: tuple[tuple[float, str], ...] = ()

    def at(self, value: float) -> float:
        """Pixels of a value; what lies beyond an end is drawn there."""
        if self.log:
            value = math.log10(value) if value > 0 else self.low
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def band(self) -> float:
        """Pixels of one category."""
        return abs(self.end - self.start) / max(len(self.places), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """(pixels, text) of the values that are named."""
        if self.places:
            return [(self.at(number), name) for number, name in enumerate(self.places)]
        if self.named:
            return [(self.at(value), text) for value, text in self.named]
        if self.log:
            powers = range(math.ceil(self.low), math.floor(self.high) + 1)
            return [(self.at(10.0**power), short(10.0**power)) for power in powers]
        return [(self.at(value), short(value)) for value in _round_values(self.low, self.high)]


def axis_of(
    layout: Any, values: Sequence[Any], start: float, end: float, *, from_zero: bool
) -> Axis:
    """The axis for some values by plotly's ``layout`` of it: its type, range and named ticks count; raises no error for no values."""
    if layout.type == "category" or any(isinstance(value, str) for value in values):
        places = tuple(dict.fromkeys(map(str, [*(layout.categoryarray or ()), *values])))
        first, last = (end, start) if layout.autorange == "reversed" else (start, end)
        return Axis(-0.5, max(len(places), 1) - 0.5, first, last, places=places)
    named = tuple(zip(layout.tickvals or (), layout.ticktext or (), strict=True))
    log = layout.type == "log"
    if layout.range is not None:
        least, most = layout.range
        return Axis(float(least), float(most), start, end, log, named=named)
    known = [float(value) for value in values if value is not None and (not log or value > 0)]
    if log:
        known = [math.log10(value) for value in known]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if from_zero and not log:
        low, high = min(low, 0.0), max(high, 0.0)
    if high <= low:
        high = low + 1
    room = 0.04 * (high - low)
    return Axis(
        low if from_zero and low == 0 else low - room, high + room, start, end, log, named=named
    )


def short(value: float) -> str:
    """A number on an axis: 1.2k, 3.5M."""
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= 10 * size or (abs(value) >= size and value % (size / 10) == 0):
            return f"{value / size:.10g}{letter}"
    return f"{value:.10g}"


def _round_values(low: float, high: float) -> list[float]:
    """Four to ten values that are 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    return [round(number * step, 10) for number in range(first, math.floor(high / step) + 1)]
