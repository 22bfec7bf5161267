# SPDX-License-Identifier: GPL-2.0-only
"""Looks by which a reader tells the lines and bars of a chart apart: ten colours, and beyond them dashes and hatching."""

from __future__ import annotations

from typing import Any

COLORS = (
    "#3b82c4", "#d47c22", "#2f9e5f", "#c04fa5", "#8f8220", "#d23f3f", "#6f7780", "#7a4fd0", "#17a3b0", "#96613f",
)  # fmt: skip
"""Told apart on light and dark ground: any two lie at least 30 apart in CIE L*a*b*, and each has a contrast of about 3 to 1 on both."""
DASHES = ("solid", "dash", "dot", "dashdot")
STROKES = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "8 3 2 3"}
"""The same as SVG's stroke-dasharray."""
HATCHES = ("", "/", "x", ".")


def line_style(number: int) -> dict[str, Any]:
    """Colour and dash of the ``number``-th line, from 0, as plotly's ``line``."""
    return {"color": COLORS[number % len(COLORS)], "dash": _beyond(DASHES, number)}


def bar_style(number: int) -> dict[str, Any]:
    """Colour and hatching of the ``number``-th kind of bar, from 0, as plotly's ``marker``."""
    color = COLORS[number % len(COLORS)]
    hatch = _beyond(HATCHES, number)
    return {"color": color, "pattern": {"shape": hatch}} if hatch else {"color": color}


def _beyond(words: tuple[str, ...], number: int) -> str:
    return words[number // len(COLORS) % len(words)]
