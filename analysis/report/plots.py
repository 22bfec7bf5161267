# SPDX-License-Identifier: GPL-2.0-only
"""Plots of a run, from what ``analysis.measure.cost`` counted: binned, so their size is bounded."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from acceptlab.analysis.measure.cost import Series
from acceptlab.analysis.report.facts import Subject, caller_rows, clock_word
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.mark_styles import COLORS, bar_style, line_style
from acceptlab.analysis.report.run_groups import Group
from acceptlab.analysis.trace.schema import STAGE_NAMES

_GROUND = "rgba(0,0,0,0)"
_GRID = "rgba(128,128,128,0.25)"
_INK = "#7a828c"
MIB = 1 << 20
_CALLERS = 10
_BAR, _AROUND = 28, 90
"""Pixels for a bar, and for what is around them."""
_FLAT = 100
"""Times the shortest bar: a longer one flattens the rest."""


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
            name=group.label,
            legendgroup=group.label,
            showlegend=first,
            mode="lines",
            line={**line_style(number), "shape": "hv"},
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
            colorbar={"title": {"text": "accepted, %", "side": "right"}, "thickness": 12},
            hoverongaps=False,
            hovertemplate=f"%{{y:,.3f}} {unit} at %{{x:,}}: %{{z}} % accepted<extra></extra>",
        )
    word = clock_word(subject.run.info.clock)
    return finished(figure, word, f"address, {unit}", legend=False)


def operations_by_stage(subject: Subject) -> go.Figure:
    """Accepted bytes by function that asked and stage, one colour per stage."""
    rows = caller_rows(subject)[:_CALLERS]
    several = {one.shown for one in rows if sum(row.shown == one.shown for row in rows) > 1}
    names = [f"{one.shown} ({one.stage})" if one.shown in several else one.shown for one in rows]
    figure = go.Figure()
    for number, stage in enumerate(STAGE_NAMES):
        mine = [(name, row) for name, row in zip(names, rows, strict=True) if row.stage == stage]
        if not mine:
            continue
        figure.add_bar(
            y=[name for name, _ in mine],
            x=[row.bytes / MIB for _, row in mine],
            customdata=[row.accepts for _, row in mine],
            name=stage,
            orientation="h",
            marker=bar_style(number),
            hovertemplate="%{x:,.1f} MiB, %{customdata:,} accepts<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="overlay", bargap=0.3)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category", categoryarray=names)
    done = finished(figure, "accepted, MiB", "", legend=True)
    logarithmic_if_flat(done, "x", [row.bytes / MIB for row in rows])
    done.update_layout(height=_AROUND + _BAR * len(names))
    return done


def _address_unit(series: Series | None) -> tuple[str, int]:
    small = series is None or series.rows * series.area.shape[0] <= 4 << 30
    return ("MiB", MIB) if small else ("GiB", 1 << 30)


def _sparse(share: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> npt.NDArray[np.float32]:
    """Cells of nothing as NaN: they stay empty. An array of numbers, because plotly looks at each cell of others by itself, several times."""
    return np.where(share == 0, np.float32(np.nan), share.astype(np.float32))


def _rounded(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    return [int(value) for value in values]


def logarithmic_if_flat(figure: go.Figure, axis: str, values: Sequence[float | None]) -> None:
    """Draw an axis (x, y) of bars logarithmically where one bar would flatten the rest, and say so in its title."""
    known = [value for value in values if value is not None and value > 0]
    if len(known) < 2 or max(known) < _FLAT * min(known):
        return
    update = figure.update_xaxes if axis == "x" else figure.update_yaxes
    title = figure.layout[f"{axis}axis"].title.text or "value"
    low, high = math.log10(min(known)), math.log10(max(known))
    update(
        type="log",
        range=[low - 0.1 * (high - low), high + 0.05 * (high - low)],
        title={"text": f"{title} (logarithmic)"},
        dtick=max(1, math.ceil((high - low) / 8)),
    )


def finished(figure: go.Figure, x: str, y: str, *, legend: bool) -> go.Figure:
    """A figure with axis titles and the report's looks; returns it. ``legend``: whether the page lists its names (figures.Figures)."""
    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID, "linecolor": _GRID}
    figure.update_xaxes(title={"text": x}, automargin=True, **axis)
    figure.update_yaxes(title={"text": y}, **axis)
    figure.update_layout(
        template="none",
        paper_bgcolor=_GROUND,
        plot_bgcolor=_GROUND,
        font={"color": _INK, "size": 13, "family": "system-ui, sans-serif"},
        margin={"l": 64, "r": 16, "t": 30, "b": 52},
        modebar={"bgcolor": _GROUND, "color": _INK, "activecolor": COLORS[0]},
        height=360,
        showlegend=legend,
        colorway=COLORS,
    )
    return figure
