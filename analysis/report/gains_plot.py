# SPDX-License-Identifier: GPL-2.0-only
"""What each group of runs gains or costs against the first, such as the patches of a series against their base."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from acceptlab.analysis.report.compare import Contest
from acceptlab.analysis.report.kernels.summary import percent
from acceptlab.analysis.report.matrix.columns import COLUMNS
from acceptlab.analysis.report.plots import COLORS, finished

_BAR = 26
"""Pixels for a bar and what is between two."""
_AROUND = 150


def gains(contests: Sequence[Contest]) -> go.Figure:
    """Change of the median in percent, a bar for each fact and group; less is to the left."""
    figure = go.Figure()
    shown = [one for one in contests if any(s.change is not None for s in one.standings)]
    groups = [standing.group for standing in shown[0].standings[1:]] if shown else []
    for number, group in enumerate(groups, 1):
        standings = [one.standings[number] for one in shown]
        figure.add_bar(
            y=[COLUMNS[one.fact].heading for one in shown],
            x=[None if one.change is None else round(one.change, 3) for one in standings],
            customdata=[percent(one.change) for one in standings],
            name=group,
            orientation="h",
            marker={"color": COLORS[(number - 1) % len(COLORS)]},
            hovertemplate="%{y}: %{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    done = finished(figure, "change, %", "", legend=len(groups) > 1)
    done.update_layout(height=max(_AROUND + _BAR * len(shown) * max(len(groups), 1), 240))
    return done
