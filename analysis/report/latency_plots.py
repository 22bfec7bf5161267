# SPDX-License-Identifier: GPL-2.0-only
"""Plots of latencies and of what accepts held up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from acceptlab.analysis.measure.latency.histogram import Distribution
from acceptlab.analysis.measure.latency.latencies import Latency
from acceptlab.analysis.report.facts import clock_word
from acceptlab.analysis.report.mark_styles import COLORS, line_style
from acceptlab.analysis.report.plots import MIB, finished, logarithmic_if_flat
from acceptlab.analysis.report.stall_causes import HeldUp
from acceptlab.analysis.report.tables import seconds

_OPERATIONS = 6
_POINTS = 400
_BAR, _AROUND = 28, 90
"""Pixels for a bar, and for what is around them."""


def distributions(latency: Latency) -> go.Figure:
    """Per operation, which share of its calls took at most how long; time on a logarithmic axis."""
    figure = go.Figure()
    operations = [row for row in latency.rows if row.by == ""][:_OPERATIONS]
    for number, row in enumerate(operations):
        x, y = _cumulated(row.distribution)
        figure.add_scatter(
            x=x,
            y=y,
            name=row.operation,
            mode="lines",
            line={**line_style(number), "shape": "hv"},
            hovertemplate="%{y:.2f} % at most %{x:,}<extra>%{fullData.name}</extra>",
        )
    word = clock_word(latency.unit)
    done = finished(figure, f"{word} per call", "calls, %", legend=len(operations) > 1)
    done.update_xaxes(type="log", exponentformat="SI")
    done.update_yaxes(range=[0, 101])
    return done


def stalls(latency: Latency) -> go.Figure:
    """Time by what it held up, and of it the longest single stall."""
    figure = go.Figure()
    names = [str(one.where) for one in latency.stalls]
    for name, values, color in (
        ("total", [one.time for one in latency.stalls], COLORS[0]),
        ("longest", [one.longest for one in latency.stalls], COLORS[1]),
    ):
        figure.add_bar(
            y=names,
            x=values,
            name=name,
            orientation="h",
            marker={"color": color},
            hovertemplate="%{x:,}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.35)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    done = finished(figure, clock_word(latency.unit), "", legend=True)
    done.update_xaxes(exponentformat="SI")
    lengths = [one.time for one in latency.stalls] + [one.longest for one in latency.stalls]
    logarithmic_if_flat(done, "x", lengths)
    done.update_layout(height=_AROUND + 2 * _BAR * len(names))
    return done


def held_up_bars(rows: Sequence[HeldUp]) -> go.Figure:
    """Bytes by what their accepts held up; modelled times, where there are any, under the pointer."""
    figure = go.Figure()
    times = ["" if one.modelled is None else f", modelled {seconds(one.modelled)}" for one in rows]
    figure.add_bar(
        y=[str(one.where) for one in rows],
        x=[one.bytes / MIB for one in rows],
        customdata=[[one.accepts, time] for one, time in zip(rows, times, strict=True)],
        orientation="h",
        marker={"color": COLORS[2]},
        hovertemplate="%{x:,.1f} MiB, %{customdata[0]:,} accepts%{customdata[1]}<extra></extra>",
    )
    figure.update_layout(bargap=0.35)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    done = finished(figure, "accepted, MiB", "", legend=False)
    logarithmic_if_flat(done, "x", [one.bytes / MIB for one in rows])
    done.update_layout(height=_AROUND + _BAR * len(rows))
    return done


def _cumulated(spread: Distribution) -> tuple[list[int], list[float]]:
    """Times and cumulated percent, thinned to few enough points to draw."""
    times = np.array([time for time, _ in spread.bins], np.int64)
    share = 100 * np.cumsum([count for _, count in spread.bins]) / spread.count
    if len(times) > _POINTS:
        kept = np.unique(np.linspace(0, len(times) - 1, _POINTS).astype(np.int64))
        times, share = times[kept], share[kept]
    start = max(int(times[0]), 1)
    return [start, *np.maximum(times, 1).tolist()], [0.0, *np.round(share, 3).tolist()]
