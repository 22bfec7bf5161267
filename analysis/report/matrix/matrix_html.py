# SPDX-License-Identifier: GPL-2.0-only
"""A matrix as one HTML page that needs nothing from anywhere: a table to pivot, plots, and the way back to every run."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.matrix.columns import COLUMNS, Column, shown, unit_word
from acceptlab.analysis.report.matrix.seeds import Repeated, over_seeds, repeats_seeds
from acceptlab.analysis.report.matrix.sheet import DONE, CellSheet, Sheet, SweepSheet, troubles
from acceptlab.analysis.report.plots import COLORS, finished

_PLOTTED = 4
"""Facts of a sweep that get a plot of their own."""
_HEIGHT = 290
"""Pixels of a plot, as in page.css."""


def as_html(sheet: Sheet) -> str:
    """The whole page."""
    sections = [_sweep(sweep, at) for at, sweep in enumerate(sheet.sweeps)]
    shapes = replace(sheet, sweeps=[over_seeds(sweep) for sweep in sheet.sweeps])
    data = json.dumps(shapes.to_json(), ensure_ascii=False).replace("</", "<\\/")
    links = " &middot; ".join(
        f'<a href="#sweep-{at}">{escape(sweep.name)}</a>' for at, sweep in enumerate(sheet.sweeps)
    )
    data_block = f'<script type="application/json" id="sheet">{data}</script>'
    script = _resource("acceptlab.analysis.report.matrix", "matrix.js")
    return page(sheet.title, links, "\n".join(sections), data_block, script)


def page(title: str, links: str, body: str, data: str = "", script: str = "") -> str:
    """A page with the reports' looks and plots; `links`, `body` and `data` are HTML, `script` runs before plots are drawn."""
    return _PAGE.format(
        title=escape(title),
        style=_resource("acceptlab.analysis.report.html", "page.css")
        + _resource("acceptlab.analysis.report.matrix", "matrix.css"),
        links=links,
        body=body,
        data=data,
        plotly=get_plotlyjs(),
        script=script + _resource("acceptlab.analysis.report.html", "page.js"),
    )


def _resource(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _sweep(sweep: SweepSheet, at: int) -> str:
    lead = [f"{axis} {value}" for axis, value in sweep.constant.items()]
    lead += ["tables and bars: median over all seeds"] if repeats_seeds(sweep) else []
    told = "".join(f"<li>{escape(line)}</li>" for line in troubles(sweep))
    return "".join(
        [
            f'<section class="compare" aria-labelledby="sweep-{at}">',
            f'<h2 id="sweep-{at}">{escape(sweep.question or sweep.name)}</h2>',
            f'<p class="lead">{escape(", ".join(lead))}</p>' if lead else "",
            f'<ul class="trouble">{told}</ul>' if told else "",
            "" if sweep.is_sparse else _comparisons(over_seeds(sweep), at),
            _rows(sweep),
            _ways_back(sweep),
            "</section>",
        ]
    )


def _comparisons(sweep: SweepSheet, at: int) -> str:
    """What sets runs side by side that differ in one or two axes."""
    plots = "".join(_plots(sweep, at))
    return f'<div class="pivots" data-sweep="{at}"></div><div class="multiples">{plots}</div>'


def _plots(sweep: SweepSheet, at: int) -> list[str]:
    numbers = [COLUMNS[name] for name in sweep.columns if COLUMNS[name].unit != "word"]
    plotted = [one for one in numbers if any(cell.facts.get(one.name) for cell in sweep.cells)]
    return [_plot(sweep, column, f"plot-{at}-{column.name}") for column in plotted[:_PLOTTED]]


def _plot(sweep: SweepSheet, column: Column, name: str) -> str:
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
            marker={"color": COLORS[number % len(COLORS)]},
            hovertemplate="%{x}: %{y:,}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(type="category", automargin=True)
    done = finished(figure, "", unit_word(column), legend=last is not None)
    done.update_layout(height=_HEIGHT, legend={"y": -0.12 * (len(rest) + 1)})
    return figure_of(done, name, f"{column.heading}: {column.about}")


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


def figure_of(figure: go.Figure, name: str, caption: str) -> str:
    """A place for a plot, and its data; `name` is unique in the page."""
    data = figure.to_json().replace("</", "<\\/")
    return (
        f'<figure><figcaption id="{name}-caption">{escape(caption)}</figcaption>'
        f'<div class="plot" id="{name}" role="img" aria-labelledby="{name}-caption"></div>'
        f'<script type="application/json" id="{name}-data">{data}</script></figure>'
    )


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


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data: blob:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the tables</a>
<header><h1>{title}</h1><nav aria-label="Questions"><p class="lead">{links}</p></nav></header>
<main id="main">
{body}
</main>
<footer><p>Counts, bytes and instruction counts are facts of the traces. No time on this page is a hardware time.</p></footer>
{data}
<script>{plotly}</script>
<script>
{script}</script>
</body>
</html>
"""
