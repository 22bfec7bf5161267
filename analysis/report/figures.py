# SPDX-License-Identifier: GPL-2.0-only
"""The charts of a page: each with its caption, a legend in words, and its values as a table.

A chart is a plotly figure. A page draws it with plotly.js, which it brings along, packed; a static page has it as SVG and no script.
"""

from __future__ import annotations

import base64
import gzip
import json
from importlib.resources import files

import plotly.graph_objects as go

from acceptlab.analysis.report.drawing.svg_figure import as_svg
from acceptlab.analysis.report.figure_values import values_of
from acceptlab.analysis.report.html_parts import table
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.mark_styles import STROKES

_PLOTLY = "plotly-cartesian.min.js.gz"
LICENSE_NOTE = (
    "<!-- plotly.js: Copyright 2012-2026, Plotly, Inc. Licensed under the MIT license. -->"
)


class Figures:
    """Collects the charts of one page. ``static``: as SVG, with no script."""

    def __init__(self, static: bool = False) -> None:
        self.static = static
        self._figures: dict[str, str] = {}
        self._count = 0

    def place(self, figure: go.Figure, caption: str, name: str = "") -> str:
        """A chart, its caption, which is what a screen reader says of it, and its values; ``name`` is unique in the page."""
        name = name or f"plot-{self._count}"
        self._count += 1
        legend = _legend(figure)
        figure.update_layout(showlegend=False)
        if self.static:
            drawn = f'<div class="drawn">{as_svg(figure, caption)}</div>'
        else:
            self._figures[name] = str(figure.to_json())
            drawn = (
                f'<div class="plot" id="{name}" role="img" aria-labelledby="{name}-caption"></div>'
            )
        return (
            f'<figure><figcaption id="{name}-caption">{escape(caption)}</figcaption>'
            f"{legend}{drawn}{_values(figure, caption)}</figure>"
        )

    def scripts(self) -> str:
        """What draws the charts: plotly.js and their data, both packed; nothing for a static page."""
        if self.static:
            return ""
        data = "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in self._figures.items()) + "}"
        code = asset("plotly", _PLOTLY)
        packed = gzip.compress(data.encode(), 9, mtime=0)
        return (
            f"{LICENSE_NOTE}\n{_block('plotly-code', code)}\n{_block('plotly-data', packed)}\n"
            f"<script>\n{asset('page.js').decode()}</script>"
        )


def asset(*names: str) -> bytes:
    """A file that goes into pages."""
    return files("acceptlab.analysis.report").joinpath("assets", *names).read_bytes()


def unpacked(page: str, name: str = "plotly-data") -> str:
    """The text that a packed block of a page holds: ``plotly-data``, the charts as JSON by name, or ``plotly-code``."""
    block = page.split(f'id="{name}">', 1)[1].split("</script>", 1)[0]
    return gzip.decompress(base64.b64decode(block)).decode()


def _block(name: str, packed: bytes) -> str:
    text = base64.b64encode(packed).decode()
    return f'<script type="application/gzip" id="{name}">{text}</script>'


def _legend(figure: go.Figure) -> str:
    """Each name once, with the colour and dash or hatching of its marks; nothing where the chart has no legend."""
    if not figure.layout.showlegend:
        return ""
    items: dict[str, str] = {}
    for trace in figure.data:
        if trace.name and trace.name not in items:
            items[trace.name] = f"<li>{_swatch(trace)}{escape(trace.name)}</li>"
    return f'<ul class="legend">{"".join(items.values())}</ul>' if items else ""


def _swatch(trace: go.Figure) -> str:
    """A small line or square as the trace is drawn; not for screen readers."""
    if trace.type == "bar":
        hatched = ' stroke="currentColor" stroke-dasharray="2 2"'
        more = hatched if trace.marker.pattern.shape else ""
        mark = f'<rect x="8" width="12" height="10" fill="{trace.marker.color}"{more}/>'
    else:
        stroke = STROKES.get(trace.line.dash or "solid", "")
        dash = f' stroke-dasharray="{stroke}"' if stroke else ""
        mark = f'<path d="M0 5h26" stroke="{trace.line.color}" stroke-width="2.5"{dash}/>'
    return f'<svg width="26" height="10" aria-hidden="true">{mark}</svg>'


def _values(figure: go.Figure, caption: str) -> str:
    """The chart's values, for keyboard and screen reader, folded."""
    found = values_of(figure)
    if not found.rows:
        return ""
    label = f"Values: {caption}"
    return f'<details class="values"><summary>Values as a table</summary>{table(found, label)}</details>'
