# SPDX-License-Identifier: GPL-2.0-only
"""A report as one HTML page that needs nothing from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from plotly.offline import get_plotlyjs

from acceptlab.analysis.report import gains_plot, plots
from acceptlab.analysis.report.compare import comparison_chapter, contests
from acceptlab.analysis.report.facts import Subject, fact_rows
from acceptlab.analysis.report.html.parts import Figures, box, chapter
from acceptlab.analysis.report.html.run_section import brief, section
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.run_groups import Group, by_seeds, detailed_runs, groups_of

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
)
_MOST_COLUMNS = 6
"""Runs that are still shown side by side."""


def as_html(subjects: Sequence[Subject]) -> str:
    """The whole page."""
    figures = Figures()
    groups = groups_of(subjects)
    detailed = detailed_runs(groups) if by_seeds(groups) else subjects
    body = [
        _header(subjects),
        '<main id="main" tabindex="-1">',
        _comparison(subjects, groups, figures),
    ]
    for number, subject in enumerate(subjects):
        full = subject in detailed
        body.append(section(subject, number, figures) if full else brief(subject, number))
    body.append("</main>")
    body.append(_FOOTER)
    title = "Memory acceptance: " + ", ".join(subject.name for subject in subjects)
    return _PAGE.format(
        policy=escape(_POLICY),
        title=escape(title),
        style=resource("page.css"),
        body="\n".join(body),
        plotly=get_plotlyjs(),
        script=resource("page.js"),
    )


def resource(name: str) -> str:
    """A file that goes into the page."""
    return files("acceptlab.analysis.report.html").joinpath(name).read_text(encoding="utf-8")


def _header(subjects: Sequence[Subject]) -> str:
    links = " &middot; ".join(
        f'<a href="#run-{number}">{escape(subject.name)}</a>'
        for number, subject in enumerate(subjects)
    )
    return (
        '<a class="skip" href="#main">Skip to the report</a>'
        "<header><h1>Memory acceptance</h1>"
        f'<nav aria-label="Runs"><p class="lead">Runs: {links}</p></nav></header>'
    )


def _comparison(subjects: Sequence[Subject], groups: Sequence[Group], figures: Figures) -> str:
    several = by_seeds(groups)
    parts = ['<section class="compare" aria-labelledby="compare"><h2 id="compare">Comparison</h2>']
    if several:
        parts.append(_runs(subjects, groups))
    if len(subjects) <= _MOST_COLUMNS and not several:
        parts.append(_side_by_side(subjects))
    parts.append(
        figures.place(
            plots.accepted_over_time(groups),
            "Accepted memory over time, from what was accepted at boot handoff",
        )
    )
    if len(groups) > 1:
        found = [one for one in contests(groups) if one.differs]
        if found:
            parts.append(figures.place(gains_plot.gains(found), _GAINS.format(groups[0].name)))
    if len(groups) > 1 or several:
        parts.append(chapter(comparison_chapter(groups), "by group"))
    return "".join([*parts, "</section>"])


_GAINS = (
    "Gain or cost of each: change of every fact that differs (median over seeds), in "
    "percent, against {}"
)


def _side_by_side(subjects: Sequence[Subject]) -> str:
    columns = [fact_rows(subject) for subject in subjects]
    head = "".join(
        f'<th scope="col"><a href="#run-{number}">{escape(subject.name)}</a></th>'
        for number, subject in enumerate(subjects)
    )
    rows = []
    for index, (label, _) in enumerate(columns[0]):
        cells = "".join(_fact(label, column[index][1]) for column in columns)
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    return box("Runs and their results", f"<td></td>{head}", rows, "Comparison of the runs")


def _fact(label: str, value: str) -> str:
    name = f' class="status {value}"' if label == "verdict" else ""
    return f"<td{name}>{escape(value)}</td>"


def _runs(subjects: Sequence[Subject], groups: Sequence[Group]) -> str:
    """Which runs a group's numbers are from."""
    rows = []
    for group in groups:
        links = ", ".join(
            f'<a href="#run-{subjects.index(one)}">{escape(one.name)}</a> '
            f'<span class="status {one.verdict.verdict}">{one.verdict.verdict}</span>'
            for one in group.subjects
        )
        seeds = ", ".join(str(one.run.info.machine.seed) for one in group.subjects)
        rows.append(
            f'<tr><th scope="row">{escape(group.name)}</th><td>{seeds}</td><td>{links}</td></tr>'
        )
    head = '<th scope="col">group</th><th scope="col">seeds</th><th scope="col">its runs</th>'
    return box("Runs that differ in the seed only are one group", head, rows, "Groups of runs")


_FOOTER = (
    "<footer><p>Counts, orders and instruction counts are facts of the trace. No time on this page is a "
    "hardware time, unless a section says that it was measured on hardware; modelled times are "
    "labelled.</p></footer>"
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
<script>{plotly}</script>
<script>
{script}</script>
</body>
</html>
"""
