# SPDX-License-Identifier: GPL-2.0-only
"""A plotly figure as SVG: its axes with titles, and its marks. A legend is the page's."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from acceptlab.analysis.report.drawing import svg_marks
from acceptlab.analysis.report.drawing.svg_axes import Axis, axis_of
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.tables import shortened

WIDTH = 760
"""Pixels, of which a page shows as many as fit."""
_TOP, _RIGHT, _BOTTOM = 10, 16, 46
_LETTER = 6.4
"""Pixels of a letter at 12 pixels."""
_LONGEST = 40
"""Letters of a category's name; the middle of a longer one is left out."""


def as_svg(figure: go.Figure, caption: str) -> str:
    """A picture of ``WIDTH`` pixels; ``caption`` is what a screen reader says of it."""
    height = int(figure.layout.height or 360)
    x, y = _axes(figure, height)
    body = (
        _grid(x, y, height)
        + _titles(figure, x, y, height)
        + _marks(figure, x, y)
        + _scale(figure, x)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(caption)}" font-size="12" '
        f'fill="currentColor">{body}</svg>'
    )


def _axes(figure: go.Figure, height: int) -> tuple[Axis, Axis]:
    layout, traces = figure.layout, figure.data
    xs = [value for trace in traces for value in _values(trace, "x")]
    ys = [value for trace in traces for value in _values(trace, "y")]
    bars = any(trace.type == "bar" for trace in traces)
    flat = any(trace.type == "bar" and trace.orientation == "h" for trace in traces)
    if layout.barmode == "stack":
        xs = [*xs, *_stacked(traces)]
    y = axis_of(
        layout.yaxis, ys, height - _BOTTOM, _TOP, from_zero=not flat and not _is_map(figure)
    )
    names = max((len(shortened(name, _LONGEST)) for name in y.places), default=8)
    left = 24 + _LETTER * names if y.places else 64
    right = WIDTH - _RIGHT - (70 if _is_map(figure) else 0)
    return axis_of(layout.xaxis, xs, left, right, from_zero=bars and flat), y


def _values(trace: Any, axis: str) -> list[Any]:
    found = list(trace[axis] if trace[axis] is not None else ())
    if (
        axis == "y"
        and trace.type != "heatmap"
        and trace.error_y is not None
        and trace.error_y.array
    ):
        found += [a + b for a, b in zip(trace.y, trace.error_y.array, strict=True) if a is not None]
    return found


def _stacked(traces: Any) -> list[float]:
    ends: dict[Any, float] = {}
    for trace in traces:
        for place, value in zip(trace.y, trace.x, strict=True):
            ends[place] = ends.get(place, 0.0) + (value or 0.0)
    return list(ends.values())


def _is_map(figure: go.Figure) -> bool:
    return any(trace.type == "heatmap" for trace in figure.data)


def _grid(x: Axis, y: Axis, height: int) -> str:
    bottom = height - _BOTTOM
    lines = [f"M{x.start:.0f} {bottom}H{x.end:.0f}"]
    texts = []
    for at, text in x.ticks():
        lines += [] if x.places else [f"M{at:.0f} {_TOP}V{bottom}"]
        texts.append(
            f'<text x="{at:.0f}" y="{bottom + 16}" text-anchor="middle">{_lines(text, at)}</text>'
        )
    for at, text in y.ticks():
        lines += [] if y.places else [f"M{x.start:.0f} {at:.0f}H{x.end:.0f}"]
        name = escape(shortened(text, _LONGEST))
        texts.append(
            f'<text x="{x.start - 6:.0f}" y="{at + 4:.0f}" text-anchor="end">{name}</text>'
        )
    return f'<path d="{"".join(lines)}" stroke="#8884" fill="none"/>{"".join(texts)}'


def _lines(text: str, at: float) -> str:
    """A label below the axis, one line for each part."""
    first, *rest = (escape(shortened(part, 24)) for part in text.split("<br>"))
    return first + "".join(f'<tspan x="{at:.0f}" dy="13">{part}</tspan>' for part in rest)


def _titles(figure: go.Figure, x: Axis, y: Axis, height: int) -> str:
    parts = []
    if below := figure.layout.xaxis.title.text:
        middle = (x.start + x.end) / 2
        parts.append(
            f'<text x="{middle:.0f}" y="{height - 8}" text-anchor="middle">{escape(below)}</text>'
        )
    if beside := figure.layout.yaxis.title.text:
        middle = (y.start + y.end) / 2
        parts.append(
            f'<text transform="rotate(-90)" x="{-middle:.0f}" y="14" text-anchor="middle">{escape(beside)}</text>'
        )
    return "".join(parts)


def _marks(figure: go.Figure, x: Axis, y: Axis) -> str:
    bars = [trace for trace in figure.data if trace.type == "bar"]
    parts = [svg_marks.bars(bars, x, y, figure.layout.barmode or "group")] if bars else []
    for trace in figure.data:
        if trace.type == "scatter":
            parts.append(svg_marks.line(trace, x, y))
        elif trace.type == "heatmap":
            parts.append(svg_marks.heatmap(trace, x, y))
    return "".join(parts)


def _scale(figure: go.Figure, x: Axis) -> str:
    """The colours of a map, beside it."""
    if not _is_map(figure):
        return ""
    trace = figure.data[0]
    left, parts = x.end + 14, []
    for step in range(11):
        red, green, blue = svg_marks.shade(trace.colorscale, step / 10)
        top = 150 - 13 * step
        parts.append(
            f'<rect x="{left:.0f}" y="{top}" width="12" height="13" fill="#{red:02x}{green:02x}{blue:02x}"/>'
        )
        if step % 5 == 0:
            parts.append(f'<text x="{left + 16:.0f}" y="{top + 11}">{10 * step}</text>')
    return "".join(parts) + f'<text x="{left:.0f}" y="182">%</text>'
