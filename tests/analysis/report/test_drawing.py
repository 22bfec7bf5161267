# SPDX-License-Identifier: GPL-2.0-only
"""Marks that differ, axes that flatten nothing, and the drawing of charts as SVG."""

from __future__ import annotations

import base64
import itertools
import math
import re
import struct
import zlib

import plotly.graph_objects as go
import pytest

from acceptlab.analysis.report.compare import Contest, Standing
from acceptlab.analysis.report.drawing.svg_figure import as_svg
from acceptlab.analysis.report.figure_values import values_of
from acceptlab.analysis.report.gains_plot import gains
from acceptlab.analysis.report.mark_styles import COLORS, bar_style, line_style
from acceptlab.analysis.report.plots import finished, logarithmic_if_flat


def _lab(color: str) -> tuple[float, float, float]:
    """CIE L*a*b* of an sRGB colour under D65 (CIE 15; IEC 61966-2-1)."""
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4
        for one in (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    a, b, c = (one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116 for one in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def test_no_more_than_ten_colours_and_any_two_are_told_apart() -> None:
    assert len(COLORS) == 10
    for one, two in itertools.combinations(COLORS, 2):
        assert math.dist(_lab(one), _lab(two)) >= 30, (one, two)


def test_beyond_ten_dashes_and_hatching_tell_them_apart() -> None:
    assert len({(one["color"], one["dash"]) for one in map(line_style, range(40))}) == 40
    assert len({str(bar_style(number)) for number in range(40)}) == 40
    assert [line_style(number)["dash"] for number in (0, 9, 10, 20)] == [
        "solid",
        "solid",
        "dash",
        "dot",
    ]


def bars(values: list[float]) -> go.Figure:
    figure = go.Figure()
    figure.add_bar(
        y=[f"f{at}" for at in range(len(values))], x=values, orientation="h", marker=bar_style(0)
    )
    figure.update_yaxes(type="category", autorange="reversed")
    done = finished(figure, "accepted, MiB", "", legend=False)
    logarithmic_if_flat(done, "x", values)
    return done


@pytest.mark.parametrize(
    ("values", "log"),
    [([1, 99], False), ([1, 100], True), ([0, 5, 600], True), ([0, 0, 600], False), ([600], False)],
)
def test_one_bar_does_not_flatten_the_rest(values: list[float], log: bool) -> None:
    figure = bars(values)
    assert (figure.layout.xaxis.type == "log") is log
    assert ("(logarithmic)" in figure.layout.xaxis.title.text) is log


def widths(svg: str) -> list[float]:
    return [float(one) for one in re.findall(r'<rect [^>]*?width="([\d.]+)"', svg)]


def test_bars_are_as_long_as_their_values() -> None:
    one, two = widths(as_svg(bars([10, 40]), "some bars"))
    assert two == pytest.approx(4 * one, rel=0.01)


def test_bars_on_a_logarithmic_axis_are_all_to_be_seen() -> None:
    lengths = widths(as_svg(bars([0.1, 1, 1000]), "some bars"))
    assert min(lengths) > 20
    assert lengths[2] - lengths[1] == pytest.approx(3 * (lengths[1] - lengths[0]), rel=0.02)


def test_a_line_goes_through_its_values() -> None:
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 50, 100], y=[0, 10, 10], mode="lines", line={**line_style(11), "shape": "hv"}
    )
    svg = as_svg(finished(figure, "instructions", "accepted, MiB", legend=False), "a line")
    path = re.findall(
        r'<path d="(M[^"]+)" fill="none" stroke="#d47c22" stroke-width="2" stroke-dasharray="7 4"',
        svg,
    )
    steps = re.fullmatch(r"M(\d+) (\d+)h(\d+)v(-\d+)h(\d+)", path[0])
    assert steps and abs(int(steps[3]) - int(steps[5])) <= 1 and int(steps[4]) < -200
    assert "instructions" in svg and "accepted, MiB" in svg


def test_a_map_has_its_first_row_at_the_bottom() -> None:
    figure = go.Figure()
    figure.add_heatmap(
        x=[0, 1],
        y=[0, 1, 2],
        z=[[None, 100], [None, None], [50, None]],
        colorscale=[[0, "#000000"], [1, "#ffffff"]],
    )
    svg = as_svg(finished(figure, "x", "y", legend=False), "a map")
    data = base64.b64decode(re.findall(r"base64,([^\"]+)", svg)[0])
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (2, 3)
    start = data.index(b"IDAT") + 4
    pixels = zlib.decompress(data[start : data.index(b"IEND") - 8])
    assert pixels == bytes([0, 50, 0, 0, 0, 0, 0, 0, 100])


def test_names_in_a_drawing_are_text() -> None:
    figure = bars([1, 2])
    figure.data[0].y = ["<script>", "b"]
    svg = as_svg(figure, 'a "caption" <b>')
    assert "<script>" not in svg and "&lt;script&gt;" in svg and "<b>" not in svg


def contest(*changes: float | None) -> Contest:
    standings = [Standing("first", (1.0,), 1.0, None, None)]
    standings += [Standing(f"g{at}", (1.0,), 1.0, one, None) for at, one in enumerate(changes)]
    return Contest("conversions", tuple(standings))


def test_changes_are_percent_until_one_would_flatten_the_rest() -> None:
    small = gains([contest(-20.0, 50.0)], ["first", "a", "b"])
    assert [bar.x[0] for bar in small.data] == [-20.0, 50.0]
    large = gains([contest(-50.0, 1500.0, -100.0)], ["first", "a", "b", "c"])
    assert [bar.x[0] for bar in large.data] == [-1.0, 4.0, -6.0]
    assert "same" in large.layout.xaxis.ticktext and "16x" in large.layout.xaxis.ticktext
    assert "logarithmic" in large.layout.xaxis.title.text
    cells = values_of(large).rows[0][1:]
    assert cells == ["-50.0%", "16x", "-100.0%"]  # what changed, not the length of the bar


def test_a_line_as_a_table_has_its_first_and_last_value() -> None:
    figure = go.Figure()
    figure.add_scatter(x=list(range(100)), y=[2.5 * at for at in range(100)], name="a run")
    table = values_of(finished(figure, "instructions", "accepted, MiB", legend=False))
    assert table.head == ("instructions", "a run")
    assert (table.rows[0], table.rows[-1]) == (["0", "0"], ["99", "247.5"])
    assert len(table.rows) == 11
