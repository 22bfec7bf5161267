# SPDX-License-Identifier: GPL-2.0-only
"""A matrix as one HTML page that needs nothing from anywhere: a table to pivot, plots, and the way back to every run."""

from __future__ import annotations

import json
from dataclasses import replace

import plotly.graph_objects as go

from acceptlab.analysis.report.figures import Figures, asset
from acceptlab.analysis.report.html_page import whole_page
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.mark_styles import bar_style
from acceptlab.analysis.report.matrix.columns import COLUMNS, Column, shown, unit_word
from acceptlab.analysis.report.matrix.seeds import Repeated, over_seeds, repeats_seeds
from acceptlab.analysis.report.matrix.sheet import DONE, CellSheet, Sheet, SweepSheet, troubles
from acceptlab.analysis.report.plots import finished, logarithmic_if_flat

_PLOTTED = 4
"""Facts of a sweep that get a plot of their own."""
_HEIGHT = 290
"""Pixels of a plot, as in page.css."""


def as_html(sheet: Sheet) -> str:
    """The whole page."""
    figures = Figures()
    sections = [_sweep(sweep, at, figures) for at, sweep in enumerate(sheet.sweeps)]
    shapes = replace(sheet, sweeps=[over_seeds(sweep) for sweep in sheet.sweeps])
    data = json.dumps(shapes.to_json(), ensure_ascii=False).replace("</", "<\\/")
    links = " &middot; ".join(
        f'<a href="#sweep-{at}">{escape(sweep.name)}</a>' for at, sweep in enumerate(sheet.sweeps)
    )
    data_block = f'<script type="application/json" id="sheet">{data}</script>'
    script = f"{data_block}<script>\n{asset('matrix.js').decode()}</script>"
    return page(sheet.title, links, "\n".join(sections), figures, script)


def page(title: str, links: str, body: str, figures: Figures, script: str = "") -> str:
    """A page with the reports' looks and charts; ``links``, ``body`` and ``script``, which comes before the charts', are HTML."""
    whole = (
        '<a class="skip" href="#main">Skip to the tables</a>'
        f'<header><h1>{escape(title)}</h1><nav aria-label="Questions"><p class="lead">{links}</p></nav></header>'
        f'<main id="main">{body}</main>{_FOOTER}'
    )
    return whole_page(title, whole, figures, styles=("matrix.css",), script=script)


def _sweep(sweep: SweepSheet, at: int, figures: Figures) -> str:
    lead = [f"{axis} {value}" for axis, value in sweep.constant.items()]
    lead += ["tables and bars: median over all seeds"] if repeats_seeds(sweep) else []
    told = "".join(f"<li>{escape(line)}</li>" for line in troubles(sweep))
    return "".join(
        [
            f'<section class="compare" aria-labelledby="sweep-{at}">',
            f'<h2 id="sweep-{at}">{escape(sweep.question or sweep.name)}</h2>',
            f'<p class="lead">{escape(", ".join(lead))}</p>' if lead else "",
            f'<ul class="trouble">{told}</ul>' if told else "",
            "" if sweep.is_sparse else _comparisons(over_seeds(sweep), at, figures),
            _rows(sweep),
            _ways_back(sweep),
            "</section>",
        ]
    )


def _comparisons(sweep: SweepSheet, at: int, figures: Figures) -> str:
    """What sets runs side by side that differ in one or two axes."""
    plots = "".join(_plots(sweep, at, figures))
    return f'<div class="pivots" data-sweep="{at}"></div><div class="multiples">{plots}</div>'


def _plots(sweep: SweepSheet, at: int, figures: Figures) -> list[str]:
    numbers = [COLUMNS[name] for name in sweep.columns if COLUMNS[name].unit != "word"]
    plotted = [one for one in numbers if any(cell.facts.get(one.name) for cell in sweep.cells)]
    return [
        _plot(sweep, column, f"plot-{at}-{column.name}", figures) for column in plotted[:_PLOTTED]
    ]


def _plot(sweep: SweepSheet, column: Column, name: str, figures: Figures) -> str:
    """Bars, one group per combination of the other axes, one colour per value of the last axis."""
    axes = sweep.varying
    last = axes[-1] if len(axes) > 1 else None
    rest = [axis for axis in axes if axis != last]
    figure = go.Figure()
    scale = {"bytes": 1 << 20, "clock": 1e6}.get(column.unit, 1)
    values = list(dict.fromkeys(cell.labels[last] for cell in sweep.cells)) if last else [""]
    for number, value in enumerate(values):
        mine = [cell for cell in sweep.cells if not last or cell.labels[last] == value]
        facts = [cell.facts.get(column.name) for cell in mine]
        figure.add_bar(
            x=["<br>".join(cell.labels[axis] for axis in rest) or "run" for cell in mine],
            y=[None if fact is None else round(fact / scale, 3) for fact in facts],
            error_y=_error_bars(mine, column, scale),
            name=value,
            marker=bar_style(number),
            hovertemplate="%{x}: %{y:,}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(type="category", automargin=True)
    done = finished(figure, "", unit_word(column), legend=last is not None)
    logarithmic_if_flat(done, "y", [value for bar in figure.data for value in bar.y])
    done.update_layout(height=_HEIGHT)
    return figures.place(done, f"{column.heading}: {column.about}", name)


def _error_bars(cells: list[CellSheet], column: Column, scale: int | float) -> dict[str, object]:
    """From the least to the most of all seeds, where they differ."""
    ends = [cell.spread.get(column.name) if isinstance(cell, Repeated) else None for cell in cells]
    if not any(ends):
        return {"visible": False}
    middle = [cell.facts.get(column.name) or 0 for cell in cells]
    pairs = list(zip(middle, ends, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [(end[1] - at) / scale if end else 0 for at, end in pairs],
        "arrayminus": [(at - end[0]) / scale if end else 0 for at, end in pairs],
        "thickness": 1,
        "width": 2,
    }


def _rows(sweep: SweepSheet) -> str:
    axes = sweep.varying
    columns = [COLUMNS[name] for name in sweep.columns]
    heads = "".join(f'<th scope="col">{escape(axis)}</th>' for axis in ["#", *axes])
    heads += "".join(
        f'<th scope="col" class="number">{escape(f"{one.heading} {unit_word(one)}".strip())}</th>'
        for one in columns
    )
    rows = "".join(_row(cell, number, axes, columns) for number, cell in enumerate(sweep.cells, 1))
    return (
        '<div class="scroll wide" role="region" tabindex="0" aria-label="All runs"><table>'
        f"<caption>All runs</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(cell: CellSheet, number: int, axes: list[str], columns: list[Column]) -> str:
    labels = "".join(f"<td>{escape(cell.labels[axis])}</td>" for axis in axes)
    if cell.state != DONE:
        text = f'<td class="{cell.state}" colspan="{len(columns)}">{cell.state}</td>'
        return f'<tr><th scope="row">#{number}</th>{labels}{text}</tr>'
    facts = "".join(_fact(column, cell) for column in columns)
    return f'<tr><th scope="row">#{number}</th>{labels}{facts}</tr>'


def _fact(column: Column, cell: CellSheet) -> str:
    text = escape(shown(column, cell.facts.get(column.name)))
    kind = f"number status {text}" if column.name == "verdict" else "number"
    return f'<td class="{kind}">{text}</td>'


def _ways_back(sweep: SweepSheet) -> str:
    items = [
        f"<dt>#{number}</dt><dd><code>{escape(cell.run)}</code>"
        f"<pre><code>{escape(cell.reproduce)}</code></pre></dd>"
        for number, cell in enumerate(sweep.cells, 1)
        if cell.state == DONE
    ]
    return (
        "<details><summary>Folder of each run, and the command that reproduces it</summary>"
        f"<dl>{''.join(items)}</dl></details>"
    )


_FOOTER = (
    "<footer><p>Counts, bytes and instruction counts are facts of the traces. No time on this page is a hardware "
    "time.</p></footer>"
)
