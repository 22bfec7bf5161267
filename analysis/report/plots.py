# SPDX-License-Identifier: GPL-2.0-only
"""Plots of a run, from what ``analysis.measure.cost`` counted: binned, so their size is bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from acceptlab.analysis.measure.cost import Series
from acceptlab.analysis.report.facts import CallerRow, Subject, caller_rows, clock_word
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.run_groups import Group
from acceptlab.analysis.trace.schema import STAGE_NAMES

COLORS = ("#3b82c4", "#d9822b", "#3a9a6a", "#b0539b", "#8a7f3c", "#c8504f", "#5f7d8c")
"""Told apart on light and dark ground, and by the colour-blind."""
_GROUND = "rgba(0,0,0,0)"
_GRID = "rgba(128,128,128,0.25)"
_INK = "#7a828c"
MIB = 1 << 20
_CALLERS = 10


def accepted_over_time(groups: Sequence[Group]) -> go.Figure:
    """Accepted memory by time, one line per run and one colour per group, from what was accepted at boot handoff."""
    figure = go.Figure()
    lines = [
        (number, group, subject)
        for number, group in enumerate(groups)
        for subject in group.subjects
    ]
    for number, group, subject in lines:
        first = subject is group.subjects[0]
        series = subject.cost.series
        if series is None:
            continue
        total = (subject.cost.launched + np.cumsum(series.accepted)) / MIB
        figure.add_scatter(
            x=_rounded(series.clock),
            y=np.round(total, 3).tolist(),
            name=group.name,
            legendgroup=group.name,
            showlegend=first,
            mode="lines",
            line={"color": COLORS[number % len(COLORS)], "shape": "hv"},
            hovertemplate=f"%{{y:,.0f}} MiB at %{{x:,}}<extra>{escape(subject.name)}</extra>",
        )
    word = clock_word(lines[0][2].run.info.clock)
    return finished(figure, word, "accepted, MiB", legend=len(groups) > 1)


def acceptance_map(subject: Subject) -> go.Figure:
    """When which memory was accepted: how much of each row of addresses is accepted by then."""
    figure = go.Figure()
    series = subject.cost.series
    unit, scale = _address_unit(series)
    if series is not None:
        done = series.at_handoff[:, np.newaxis] + np.cumsum(series.area, axis=1)
        share = np.ceil(np.minimum(done / series.rows, 1) * 100).astype(np.int64)
        addresses = np.arange(series.area.shape[0]) * (series.rows / scale)
        figure.add_heatmap(
            x=_rounded(series.clock),
            y=np.round(addresses, 4).tolist(),
            z=_sparse(share),
            colorscale=[[0, "#e9c46a"], [0.35, "#5aa9a3"], [1, "#2b5c8a"]],
            zmin=0,
            zmax=100,
            colorbar={"title": {"text": "accepted, %"}, "thickness": 12},
            hoverongaps=False,
            hovertemplate=f"%{{y:,.3f}} {unit} at %{{x:,}}: %{{z}} % accepted<extra></extra>",
        )
    word = clock_word(subject.run.info.clock)
    return finished(figure, word, f"address, {unit}", legend=False)


def operations_by_stage(subject: Subject) -> go.Figure:
    """Accepted bytes by function that asked, one colour per stage."""
    rows = caller_rows(subject)
    names = list(dict.fromkeys(row.shown for row in rows))[:_CALLERS]
    figure = go.Figure()
    for number, stage in enumerate(STAGE_NAMES):
        mine = _of_stage(rows, stage, names)
        if not any(one.accepts for one in mine):
            continue
        figure.add_bar(
            y=names,
            x=[one.bytes / MIB for one in mine],
            customdata=[one.accepts for one in mine],
            name=stage,
            orientation="h",
            marker={"color": COLORS[number % len(COLORS)]},
            hovertemplate="%{x:,.1f} MiB, %{customdata:,} accepts<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.15 if len(names) > 4 else 0.6)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    return finished(figure, "accepted, MiB", "", legend=True)


def _address_unit(series: Series | None) -> tuple[str, int]:
    small = series is None or series.rows * series.area.shape[0] <= 4 << 30
    return ("MiB", MIB) if small else ("GiB", 1 << 30)


def _of_stage(rows: Sequence[CallerRow], stage: str, names: Sequence[str]) -> list[CallerRow]:
    found = {row.shown: row for row in rows if row.stage == stage}
    return [found.get(name, CallerRow(stage, name, 0, 0)) for name in names]


def _sparse(share: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> list[list[int | None]]:
    """Empty cells as null: they stay empty."""
    return [[value or None for value in row] for row in share.tolist()]


def _rounded(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    return [int(value) for value in values]


def finished(figure: go.Figure, x: str, y: str, *, legend: bool) -> go.Figure:
    """A figure with axis titles and the report's looks; returns it."""
    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID, "linecolor": _GRID}
    figure.update_xaxes(title={"text": x}, **axis)
    figure.update_yaxes(title={"text": y}, **axis)
    figure.update_layout(
        template="none",
        paper_bgcolor=_GROUND,
        plot_bgcolor=_GROUND,
        font={"color": _INK, "size": 13, "family": "system-ui, sans-serif"},
        margin={"l": 64, "r": 16, "t": 36, "b": 52},
        modebar={"bgcolor": _GROUND, "color": _INK, "activecolor": COLORS[0]},
        height=360,
        showlegend=legend,
        legend={"orientation": "h", "y": -0.25},
        colorway=COLORS,
    )
    return figure
