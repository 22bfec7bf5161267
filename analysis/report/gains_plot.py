# SPDX-License-Identifier: GPL-2.0-only
"""What each group of runs gains or costs against the first, such as the patches of a series against their base."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from acceptlab.analysis.report.compare import Contest, Standing
from acceptlab.analysis.report.kernels.summary import percent
from acceptlab.analysis.report.mark_styles import bar_style
from acceptlab.analysis.report.matrix.columns import COLUMNS
from acceptlab.analysis.report.plots import finished

_BAR = 26
"""Pixels for a bar and what is between two."""
_THIN = 10
"""The same where there are many groups."""
_AROUND = 90
_FLAT = 300.0
"""Percent: a bar of more flattens those of a few percent, so all are drawn as factors on a logarithmic axis."""
_LEAST = -6.0
"""Where a fact that became 0 is drawn: as 1/64."""


def gains(contests: Sequence[Contest], labels: Sequence[str]) -> go.Figure:
    """Change of the median, a bar for each fact and group, less to the left: in percent, or as a factor where one bar would flatten the rest.

    ``labels`` are the groups' names, as in every other chart of the page, with the same colours.
    """
    figure = go.Figure()
    shown = [one for one in contests if any(s.change for s in one.standings)]
    groups = labels[1:] if shown else []
    factors = any((s.change or 0.0) > _FLAT for one in shown for s in one.standings)
    for number, group in enumerate(groups, 1):
        standings = [one.standings[number] for one in shown]
        said = [percent(one.change) for one in standings]
        figure.add_bar(
            y=[COLUMNS[one.fact].heading for one in shown],
            x=[_length(one, factors) for one in standings],
            customdata=said,
            text=said,
            textposition="none",
            name=group,
            orientation="h",
            marker=bar_style(number),
            hovertemplate="%{y}: %{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    done = finished(figure, "change, %", "", legend=len(groups) > 1)
    if factors:
        _name_factors(done)
    done.update_layout(
        height=max(
            _AROUND + max(_BAR - 2 * len(groups), _THIN) * len(shown) * max(len(groups), 1), 240
        )
    )
    return done


def _length(one: Standing, factors: bool) -> float | None:
    """Length of a bar: percent, or the power of two that the median was multiplied by."""
    if one.change is None:
        return None
    if not factors:
        return round(one.change, 3)
    factor = 1 + one.change / 100
    return round(max(math.log2(factor), _LEAST), 4) if factor > 0 else _LEAST


def _name_factors(figure: go.Figure) -> None:
    known = [length for bar in figure.data for length in bar.x if length is not None]
    step = max(1, math.ceil((max(known) - min(known)) / 8))
    low, high = math.floor(min(*known, 0) / step), math.ceil(max(*known, 0) / step)
    powers = [number * step for number in range(low, high + 1)]
    figure.update_xaxes(
        tickvals=powers,
        ticktext=[_factor(power) for power in powers],
        title={"text": "factor against the first, logarithmic"},
    )


def _factor(power: int) -> str:
    if power == 0:
        return "same"
    return f"{2**power:,}x" if power > 0 else f"1/{2**-power}"
