# SPDX-License-Identifier: GPL-2.0-only
"""The values of a chart as a table: all of its bars, of lines and maps as many places as can be read aloud."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from acceptlab.analysis.report.tables import Table

_PLACES = 11
"""Places along a line."""
_SIDE = 6
"""Rows and columns of a map."""


def values_of(figure: go.Figure) -> Table:
    """A row for each category or place of the first axis, a column for each name; no rows where nothing is drawn."""
    traces = list(figure.data)
    x, y = _title(figure.layout.xaxis), _title(figure.layout.yaxis)
    kinds = {trace.type for trace in traces}
    if "heatmap" in kinds:
        return _map(traces[0], x, y)
    if kinds == {"bar"} and traces[0].orientation == "h":
        return _bars(traces, y, x, "y", "x")
    if kinds == {"bar"} or (kinds and figure.layout.xaxis.type == "category"):
        return _bars(traces, x, y, "x", "y")
    return _lines(traces, x, y)


def _bars(traces: Sequence[Any], first: str, unit: str, names: str, values: str) -> Table:
    places = list(dict.fromkeys(name for trace in traces for name in trace[names]))
    known = [dict(zip(trace[names], _said(trace, values), strict=True)) for trace in traces]
    rows = [
        [str(place).replace("<br>", ", "), *(one.get(place, "") for one in known)]
        for place in places
    ]
    return Table(unit, (first or "", *_names(traces)), rows)


def _said(trace: Any, values: str) -> list[str]:
    """What the chart shows of each value: its text where it has one."""
    if trace.text is not None and not isinstance(trace.text, str):
        return [str(one) for one in trace.text]
    return [_number(one) for one in trace[values]]


def _lines(traces: Sequence[Any], x: str, y: str) -> Table:
    """The values at evenly spaced places: of a line the last that it has there, as it is drawn in steps."""
    spots = sorted({float(spot) for trace in traces for spot in trace.x})
    if not spots:
        return Table(y, (x,), [])
    low, high = spots[0], spots[-1]
    at = [low + (high - low) * step / (_PLACES - 1) for step in range(_PLACES)]
    rows = [
        [_number(round(place)), *(_number(_value_at(trace, place)) for trace in traces)]
        for place in at
    ]
    return Table(y, (x, *_names(traces)), rows)


def _value_at(trace: Any, place: float) -> float | None:
    found = bisect_right(trace.x, place)
    return None if not found else trace.y[found - 1]


def _map(trace: Any, x: str, y: str) -> Table:
    rows, columns = _spread(len(trace.y), _SIDE), _spread(len(trace.x), _SIDE)
    cells = [
        [_number(trace.y[row]), *(_number(trace.z[row][column]) for column in columns)]
        for row in rows
    ]
    of = f"{trace.colorbar.title.text or 'value'}, by {y} (down) and {x} (across)"
    return Table(of, (y, *(_number(trace.x[column]) for column in columns)), cells)


def _spread(length: int, most: int) -> list[int]:
    """Up to ``most`` of the numbers below ``length``, evenly spaced, the first and the last among them."""
    if length <= most:
        return list(range(length))
    return [round(step * (length - 1) / (most - 1)) for step in range(most)]


def _names(traces: Sequence[Any]) -> list[str]:
    return [str(trace.name or "value") for trace in traces]


def _title(axis: Any) -> str:
    return str(axis.title.text or "")


def _number(value: Any) -> str:
    """A value as a cell shows it; nothing for none."""
    if value is None or value != value:
        return ""
    value = value.item() if isinstance(value, np.generic) else value
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
