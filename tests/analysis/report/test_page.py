# SPDX-License-Identifier: GPL-2.0-only
"""What a page weighs, what it says first, and that its charts can be read: in a browser, without scripts, and as tables."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.report import figures as charts
from acceptlab.analysis.report.facts import Subject, subject_of
from acceptlab.analysis.report.figures import Figures, unpacked
from acceptlab.analysis.report.html import MOST_STATIC, as_html, as_static_html
from acceptlab.analysis.report.run_markdown import as_markdown
from acceptlab.analysis.report.run_text import as_text
from acceptlab.toolkit.places import CHECKOUT
from tests.analysis.browser import browser

TRACES = (
    "snp-lazy", "tdx-lazy", "snp-eager", "tdx-eager-4k", "snp-attack", "tdx-attack", "tdx-kexec", "snp-kexec-broken",
)  # fmt: skip
MOST = 1_500_000
"""Bytes of a page with the recorded runs."""


@pytest.fixture(scope="module")
def eight() -> list[Subject]:
    return [subject_of(CHECKOUT / "traces" / name, None, None) for name in TRACES]


@pytest.fixture(scope="module")
def page(eight: list[Subject]) -> str:
    return as_html(eight)


def test_a_page_weighs_little(page: str, eight: list[Subject]) -> None:
    assert len(page.encode()) < MOST
    assert len(as_html(eight[:1]).encode()) < MOST / 2


def test_plotly_is_named_with_its_licence(page: str) -> None:
    assert charts.LICENSE_NOTE in page
    assert "Licensed under the MIT license" in unpacked(page, "plotly-code")[:400]


@pytest.mark.parametrize("number", [1, 4, 8])
def test_a_static_page_is_small_and_has_no_script(eight: list[Subject], number: int) -> None:
    static = as_static_html(eight[:number])
    assert 10_000 < len(static.encode()) <= MOST_STATIC
    assert "<script" not in static and "script-src" not in static
    assert static.count("<svg viewBox") == static.count("<figure>") > 0
    assert all(f">{subject.name}</h2>" in static for subject in eight[:number])


def test_a_static_page_of_many_runs_still_has_every_verdict(eight: list[Subject]) -> None:
    many = [replace(one, name=f"{one.name}-{copy}") for copy in range(8) for one in eight]
    static = as_static_html(many)
    assert len(static.encode()) <= MOST_STATIC
    assert static.count('class="badge') == len(many)


def test_more_than_six_runs_have_their_verdicts_before_any_fact(
    page: str, eight: list[Subject]
) -> None:
    for document, fact in (
        (as_text(eight), "conversions"), (as_markdown(eight), "conversions"), (page, "<figure>"),
    ):  # fmt: skip
        first = document[: document.index(fact)]
        assert "1 findings, 7 clean" in first
        assert len(re.findall(r"(findings|clean)</span>|(findings|clean)(?:\*\*)?: ", first)) >= 8


def test_labels_keep_their_beginning_and_have_run_and_workload(eight: list[Subject]) -> None:
    long = "a-run-that-begins-with-this-and-has-a-name-no-table-has-room-for"
    named = [replace(eight[0], name=long), *eight[1:]]
    text = as_text(named)
    assert not re.search(r"(^|\s)\.\.\w", text)  # a cut name would begin with dots
    for document in (text, as_markdown(named).replace("\\", ""), as_html(named)):
        flat = " ".join(document.split())
        assert f"touch:600M, honest host ({long})" in flat
        assert "kexec, honest host (tdx-kexec)" in flat


def test_every_chart_has_its_values_as_a_table(page: str) -> None:
    figures = re.findall(r"<figure>.*?</figure>", page, re.S)
    assert len(figures) > 20
    for figure in figures:
        assert re.search(r"<details class=\"values\">.*<table>.*<td", figure, re.S)


def test_the_values_are_those_of_the_chart(page: str) -> None:
    figure = next(
        one
        for one in re.findall(r"<figure>.*?</figure>", page, re.S)
        if "by function and stage" in one
    )
    name = re.findall(r'class="plot" id="([^"]+)"', figure)[0]
    for bar in json.loads(unpacked(page))[name]["data"]:
        for function, value in zip(bar["y"], bar["x"], strict=True):
            row = figure.split(f'<th scope="row">{function}</th>')[1].split("</tr>")[0]
            assert f">{value:,.3f}".rstrip("0").rstrip(".") + "<" in row


@pytest.mark.processes
@pytest.mark.parametrize("width", [1280, 400])
def test_no_legend_lies_over_anything(page: str, width: int, tmp_path: Path) -> None:
    """Neither over the titles of axes nor over the drawing, and no title of an axis over its numbers."""
    path = tmp_path / "report.html"
    path.write_text(page)
    script = """Array.from(document.querySelectorAll('figure')).flatMap(f => {
      const box = e => e.getBoundingClientRect();
      const over = (a, b) => a.width && b.width && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
      const legends = Array.from(f.querySelectorAll('.legend, .infolayer .legend')).map(box);
      const titles = Array.from(f.querySelectorAll('.xtitle, .ytitle')).map(box);
      const rest = Array.from(f.querySelectorAll('.main-svg, .xtick text, .ytick text')).map(box);
      const ticks = Array.from(f.querySelectorAll('.xtick text, .ytick text')).map(box);
      return legends.flatMap(l => [...titles, ...rest].filter(o => over(l, o))).concat(
        titles.flatMap(t => ticks.filter(o => over(t, o)))).map(() => f.querySelector('figcaption').textContent);
    })"""
    with browser(tmp_path / "profile") as one:
        one.open(path, width)
        assert one.complaints() == []
        assert one.value("document.querySelectorAll('.legend').length") > 5
        assert one.value(script) == []


@pytest.mark.processes
def test_a_browser_that_cannot_unpack_shows_the_tables(page: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page.replace("window.DecompressionStream", "window.nothing_of_this_name"))
    with browser(tmp_path / "profile") as one:
        one.open(path, 1280)
        assert one.complaints() == []
        closed = "document.querySelectorAll('details.values:not([open])').length"
        assert one.value(closed) == 0
        assert "its values are in the table below" in one.value("document.body.innerText")


@pytest.mark.processes
def test_a_static_page_is_drawn(eight: list[Subject], tmp_path: Path) -> None:
    path = tmp_path / "static.html"
    path.write_text(as_static_html(eight[:4]))
    with browser(tmp_path / "profile") as one:
        for width in (1280, 400):
            one.open(path, width)
            assert one.complaints() == [] and one.requests() == []
            assert one.value("document.scrollingElement.scrollWidth") <= width
            sizes = one.value(
                "Array.from(document.querySelectorAll('.drawn svg')).map(s => s.getBoundingClientRect().width)"
            )
            assert len(sizes) >= 6 and min(sizes) >= 290


def test_two_charts_of_one_page_need_two_names() -> None:
    import plotly.graph_objects as go

    page = Figures()
    places = [page.place(go.Figure(), "nothing") for _ in range(2)]
    assert len(set(re.findall(r'class="plot" id="([^"]+)"', "".join(places)))) == 2
