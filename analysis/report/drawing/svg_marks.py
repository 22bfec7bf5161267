# SPDX-License-Identifier: GPL-2.0-only
"""The marks of a chart as SVG: lines, bars, maps and the bars of a spread."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from acceptlab.analysis.report.drawing.png import png
from acceptlab.analysis.report.drawing.svg_axes import Axis
from acceptlab.analysis.report.mark_styles import STROKES

_SHADES = 101
"""Colours of a map: one for each percent, 0 is not drawn."""


def line(trace: Any, x: Axis, y: Axis) -> str:
    """A line, in steps where its shape is hv, with a dot for each value where its mode has markers."""
    spots = [
        (x.at(_place(a, x)), y.at(b))
        for a, b in zip(trace.x, trace.y, strict=True)
        if b is not None
    ]
    if not spots:
        return ""
    color, dash = trace.line.color, STROKES.get(trace.line.dash or "solid", "")
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    path = _path(spots, trace.line.shape == "hv")
    parts = [f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"{dashed}/>']
    if "markers" in (trace.mode or ""):
        parts += [f'<circle cx="{a:.0f}" cy="{b:.0f}" r="3.5" fill="{color}"/>' for a, b in spots]
    parts += _spreads(trace, x, y)
    return "".join(parts)


def bars(traces: Sequence[Any], x: Axis, y: Axis, mode: str) -> str:
    """All bars: side by side in their category, or one on the end of the other where ``mode`` is stack."""
    flat = traces[0].orientation == "h"
    names, values = (y, x) if flat else (x, y)
    alone = mode in ("stack", "overlay")
    slot = 0.72 * names.band / (1 if alone else len(traces))
    ends: dict[Any, float] = {}
    parts = []
    for number, trace in enumerate(traces):
        places, heights = (trace.y, trace.x) if flat else (trace.x, trace.y)
        hatch = (
            ' stroke="currentColor" stroke-dasharray="3 2"' if trace.marker.pattern.shape else ""
        )
        for place, height in zip(places, heights, strict=True):
            if height is None:
                continue
            start = ends.get(place, 0.0) if mode == "stack" else 0.0
            ends[place] = start + height
            middle = names.at(_place(place, names))
            offset = 0.0 if alone else (number - (len(traces) - 1) / 2) * slot
            first, last = values.at(start), values.at(start + height)
            parts.append(
                _bar(
                    flat, middle + offset, slot, first, last, f'fill="{trace.marker.color}"{hatch}'
                )
            )
        parts += _spreads(trace, x, y, number, slot, len(traces)) if not flat else []
    return "".join(parts)


def heatmap(trace: Any, x: Axis, y: Axis) -> str:
    """A map of percents as a picture, its first row at the bottom."""
    shades = _shades(trace.colorscale)
    percents = np.nan_to_num(np.asarray(trace.z, np.float32)).clip(0, _SHADES - 1).astype(np.uint8)
    rows = [row.tobytes() for row in percents[::-1]]
    data = base64.b64encode(png(rows, shades)).decode()
    left, right, top, bottom = x.start, x.end, y.end, y.start
    return (
        f'<image x="{left:.0f}" y="{top:.0f}" width="{right - left:.0f}" height="{bottom - top:.0f}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def shade(scale: Sequence[tuple[float, str]], share: float) -> tuple[int, int, int]:
    """The colour of a share from 0 to 1 on plotly's colour scale."""
    for (low, first), (high, last) in pairwise(scale):
        if share <= high:
            part = (share - low) / (high - low)
            a, b = _rgb(first), _rgb(last)
            red, green, blue = (
                round(one + part * (two - one)) for one, two in zip(a, b, strict=True)
            )
            return red, green, blue
    return _rgb(scale[-1][1])


def _shades(scale: Sequence[tuple[float, str]]) -> list[tuple[int, int, int]]:
    return [shade(scale, percent / (_SHADES - 1)) for percent in range(_SHADES)]


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _place(value: Any, axis: Axis) -> float:
    return float(axis.places.index(str(value))) if axis.places else float(value)


def _path(spots: Sequence[tuple[float, float]], steps: bool) -> str:
    """A path in whole pixels, relative, with no pixel named twice."""
    (left, top), *rest = [(round(a), round(b)) for a, b in spots]
    words = [f"M{left} {top}"]
    for a, b in rest:
        if (a, b) == (left, top):
            continue
        if steps:
            words.append(
                (f"h{a - left}" if a != left else "") + (f"v{b - top}" if b != top else "")
            )
        else:
            words.append(f"l{a - left} {b - top}")
        left, top = a, b
    return "".join(words)


def _bar(flat: bool, middle: float, slot: float, first: float, last: float, look: str) -> str:
    low, length = min(first, last), abs(last - first)
    if flat:
        box = (low, middle - slot / 2, length, slot)
    else:
        box = (middle - slot / 2, low, slot, length)
    a, b, width, height = (f"{value:.1f}" for value in box)
    return f'<rect x="{a}" y="{b}" width="{width}" height="{height}" {look}/>'


def _spreads(
    trace: Any, x: Axis, y: Axis, number: int = 0, slot: float = 0.0, among: int = 1
) -> list[str]:
    """An upright line from the least to the most of each value that has a spread."""
    spread = trace.error_y
    if spread is None or spread.array is None or spread.visible is False:
        return []
    parts = []
    offset = (number - (among - 1) / 2) * slot
    for place, value, up, down in zip(
        trace.x, trace.y, spread.array, spread.arrayminus, strict=True
    ):
        if value is None or not (up or down):
            continue
        at, top, bottom = x.at(_place(place, x)) + offset, y.at(value + up), y.at(value - down)
        parts.append(f'<path d="M{at:.0f} {top:.0f}V{bottom:.0f}" stroke="currentColor"/>')
    return parts
