# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of kernels as one HTML page that needs nothing from anywhere."""

from __future__ import annotations

import plotly.graph_objects as go

from acceptlab.analysis.report.figures import Figures
from acceptlab.analysis.report.html_parts import chapter, provenance_html
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.kernels.headline import differs
from acceptlab.analysis.report.kernels.kernels_table import comparison
from acceptlab.analysis.report.kernels.modelled_facts import column_of
from acceptlab.analysis.report.kernels.summary import Bench, Block
from acceptlab.analysis.report.mark_styles import line_style
from acceptlab.analysis.report.matrix.columns import unit_of
from acceptlab.analysis.report.matrix.matrix_html import page
from acceptlab.analysis.report.plots import finished, logarithmic_if_flat
from acceptlab.analysis.report.tables import shortened

_SCALE = {"bytes": 1 << 20, "clock": 1e6, "ns": 1e6}
_NAME = 28
"""Letters of a kernel's name below a chart."""


def as_html(bench: Bench) -> str:
    """The whole page: the table of all facts, and a chart of each that differs."""
    figures = Figures()
    facts = [
        fact for fact in dict.fromkeys(one.fact for one in bench.blocks) if _differs(bench, fact)
    ]
    links = " &middot; ".join(
        f'<a href="#{fact}">{escape(column_of(fact).heading)}</a>' for fact in facts
    )
    whole = chapter(comparison(bench), "by kernel", 2)
    table = f'<section class="compare">{whole}</section>'
    charts = "".join(_section(bench, fact, figures) for fact in facts)
    line = provenance_html(bench.provenance) if bench.provenance else ""
    return page(bench.title, links, line + table + charts + _ways_back(bench), figures)


def _differs(bench: Bench, fact: str) -> bool:
    """Whether a chart has something to show."""
    blocks = [block for block in bench.blocks if block.fact == fact]
    return any(differs(block.rows[0], row) for block in blocks for row in block.rows[1:])


def _section(bench: Bench, fact: str, figures: Figures) -> str:
    column = column_of(fact)
    blocks = [block for block in bench.blocks if block.fact == fact]
    figure = go.Figure()
    for number, block in enumerate(blocks):
        _add(figure, block, line_style(number), _SCALE.get(column.unit, 1))
    figure.update_xaxes(type="category", automargin=True)
    done = finished(figure, "", unit_of(column, bench.clock), legend=True)
    logarithmic_if_flat(done, "y", [value for line in done.data for value in line.y])
    caption = f"{column.heading}: {column.about}; median, minimum and maximum over all seeds"
    return (
        f'<section class="compare" aria-labelledby="{fact}"><h2 id="{fact}">{escape(column.heading)}</h2>'
        f"{figures.place(done, caption)}</section>"
    )


def _add(figure: go.Figure, block: Block, style: dict[str, str], scale: float) -> None:
    known = [row for row in block.rows if row.median is not None]
    figure.add_scatter(
        x=[shortened(row.kernel, _NAME) for row in known],
        y=[(row.median or 0) / scale for row in known],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [((row.high or 0) - (row.median or 0)) / scale for row in known],
            "arrayminus": [((row.median or 0) - (row.low or 0)) / scale for row in known],
        },
        name=block.platform.upper(),
        mode="lines+markers",
        line=style,
        hovertemplate="%{x}: %{y:,}<extra>%{fullData.name}</extra>",
    )


def _ways_back(bench: Bench) -> str:
    items = "".join(
        f"<dt>{escape(one.kernel)} {one.platform} seed {one.seed}</dt><dd><code>{escape(one.run)}</code>"
        f"<pre><code>{escape(one.reproduce)}</code></pre></dd>"
        for one in bench.samples
    )
    return (
        '<section class="compare"><details><summary>Folder of each run, and the command that reproduces it'
        f"</summary><dl>{items}</dl></details></section>"
    )
