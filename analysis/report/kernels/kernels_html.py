# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of kernels as one HTML page that needs nothing from anywhere."""

from __future__ import annotations

import plotly.graph_objects as go

from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.kernels.kernels_text import cells, heading
from acceptlab.analysis.report.kernels.modelled_facts import column_of
from acceptlab.analysis.report.kernels.summary import Bench, Block
from acceptlab.analysis.report.matrix.columns import unit_word
from acceptlab.analysis.report.matrix.matrix_html import figure_of, page
from acceptlab.analysis.report.plots import COLORS, finished

_SCALE = {"bytes": 1 << 20, "clock": 1e6, "ns": 1e6}


def as_html(bench: Bench) -> str:
    """The whole page: a plot and a table for each fact, all platforms in it."""
    facts = list(dict.fromkeys(block.fact for block in bench.blocks))
    sections = [_section([b for b in bench.blocks if b.fact == fact], fact) for fact in facts]
    told = [f"MISSING: {one.kernel} on {one.platform}: {one.why}" for one in bench.missing]
    items = "".join(f"<li>{escape(line)}</li>" for line in [*told, *bench.troubles])
    seeds = ", ".join(map(str, bench.seeds))
    lead = f'<p class="lead">{escape(bench.workload)} Seeds {seeds}.</p>'
    trouble = f'<ul class="trouble">{items}</ul>' if items else ""
    links = " &middot; ".join(
        f'<a href="#{fact}">{escape(column_of(fact).heading)}</a>' for fact in facts
    )
    notes = "".join(f"<p>{escape(line)}</p>" for line in bench.notes)
    return page(bench.title, links, lead + trouble + notes + "".join(sections) + _ways_back(bench))


def _section(blocks: list[Block], fact: str) -> str:
    column = column_of(fact)
    figure = go.Figure()
    for number, block in enumerate(blocks):
        _add(figure, block, COLORS[number % len(COLORS)], _SCALE.get(column.unit, 1))
    figure.update_xaxes(type="category", automargin=True)
    drawn = figure_of(
        finished(figure, "", unit_word(column), legend=True),
        f"plot-{fact}",
        f"{column.heading}: {column.about}; median, minimum and maximum over all seeds",
    )
    tables = "".join(_table(block) for block in blocks)
    return (
        f'<section class="compare" aria-labelledby="{fact}"><h2 id="{fact}">{escape(column.heading)}</h2>'
        f"{drawn}{tables}</section>"
    )


def _add(figure: go.Figure, block: Block, color: str, scale: float) -> None:
    known = [row for row in block.rows if row.median is not None]
    figure.add_scatter(
        x=[row.kernel for row in known],
        y=[(row.median or 0) / scale for row in known],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [((row.high or 0) - (row.median or 0)) / scale for row in known],
            "arrayminus": [((row.median or 0) - (row.low or 0)) / scale for row in known],
        },
        name=block.platform,
        mode="lines+markers",
        line={"color": color},
        hovertemplate="%{x}: %{y:,}<extra>%{fullData.name}</extra>",
    )


def _table(block: Block) -> str:
    heads = "".join(
        f'<th scope="col" class="number">{head}</th>'
        for head in ("median", "min .. max", "vs previous", "vs first")
    )
    rows = ""
    for row in block.rows:
        name, *numbers = cells(block, row)
        texts = "".join(f'<td class="number">{escape(text)}</td>' for text in numbers)
        rows += f'<tr><th scope="row">{escape(name)}</th>{texts}</tr>'
    label = escape(heading(block))
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>'
        f'<caption>{label}</caption><thead><tr><th scope="col">kernel</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
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
