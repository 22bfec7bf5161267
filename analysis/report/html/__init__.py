# SPDX-License-Identifier: GPL-2.0-only
"""A report as one HTML page that needs nothing from anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.report import gains_plot, plots
from acceptlab.analysis.report.compare import comparison_chapter, contests
from acceptlab.analysis.report.facts import Subject, fact_rows
from acceptlab.analysis.report.figures import Figures
from acceptlab.analysis.report.html.detail import Detail
from acceptlab.analysis.report.html.run_section import brief, section
from acceptlab.analysis.report.html_page import whole_page
from acceptlab.analysis.report.html_parts import box, chapter, provenance_html
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.provenance import of_runs
from acceptlab.analysis.report.run_groups import Group, by_seeds, detailed_runs, groups_of

_MOST_COLUMNS = 6
"""Runs that are still shown side by side."""


MOST_STATIC = 100_000
"""Bytes of a page without scripts: what a mail can carry without a thought."""
_LEAST = {Detail.ALL: 12_000, Detail.MAP: 8_000, Detail.TABLES: 4_000, Detail.VERDICT: 500}
"""Bytes that a run takes at the least, so that no page is made in vain."""


def as_html(subjects: Sequence[Subject]) -> str:
    """The whole page."""
    page = _page(subjects, Figures(), Detail.ALL)
    assert page is not None
    return page


def as_static_html(subjects: Sequence[Subject]) -> str:
    """The page without scripts, its charts as SVG, in at most ``MOST_STATIC`` bytes: with many runs it says less of each.

    Raises BadInput for so many runs that their verdicts alone are larger.
    """
    for detail in sorted(Detail, reverse=True):
        if len(subjects) * _LEAST[detail] > MOST_STATIC:
            continue
        page = _page(subjects, Figures(static=True), detail, MOST_STATIC)
        if page is not None and len(page.encode()) <= MOST_STATIC:
            return page
    raise BadInput(
        f"{len(subjects)} runs do not fit a static page of {MOST_STATIC:,} bytes: report on fewer, or without --static"
    )


def _page(
    subjects: Sequence[Subject], figures: Figures, detail: Detail, most: int | None = None
) -> str | None:
    """The page; None as soon as its sections alone have more than ``most`` bytes."""
    groups = groups_of(subjects)
    detailed = detailed_runs(groups) if by_seeds(groups) else subjects
    body = [
        _header(subjects),
        '<main id="main" tabindex="-1">',
        _comparison(subjects, groups, figures),
    ]
    for number, subject in enumerate(subjects):
        if detail is Detail.VERDICT or subject not in detailed:
            body.append(brief(subject, number))
        else:
            body.append(section(subject, number, figures, detail))
        if most is not None and sum(map(len, body)) > most:
            return None
    body.append("</main>")
    body.append(_FOOTER)
    title = "Memory acceptance: " + ", ".join(subject.name for subject in subjects)
    return whole_page(title, "\n".join(body), figures)


def _header(subjects: Sequence[Subject]) -> str:
    links = " &middot; ".join(
        f'<a href="#run-{number}">{escape(subject.name)}</a> '
        f'<span class="status {subject.verdict.verdict}">{subject.verdict.verdict}</span>'
        for number, subject in enumerate(subjects)
    )
    line = provenance_html(of_runs(subjects))
    return (
        '<a class="skip" href="#main">Skip to the report</a>'
        "<header><h1>Memory acceptance</h1>"
        f'<nav aria-label="Runs"><p class="lead">Runs: {links}</p></nav>{line}</header>'
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
            parts.append(
                figures.place(
                    gains_plot.gains(found, [group.label for group in groups]),
                    _GAINS.format(groups[0].label),
                )
            )
    if len(groups) > 1 or several:
        parts.append(chapter(comparison_chapter(groups), "by group"))
    return "".join([*parts, "</section>"])


_GAINS = "Gain or cost of each: change of every fact that differs (median over seeds), against {}"


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
            f'<tr><th scope="row">{escape(group.label)}</th><td>{seeds}</td><td>{links}</td></tr>'
        )
    head = '<th scope="col">group</th><th scope="col">seeds</th><th scope="col">its runs</th>'
    return box("Runs that differ in the seed only are one group", head, rows, "Groups of runs")


_FOOTER = (
    "<footer><p>Counts, orders and instruction counts are facts of the trace. No time on this page is a "
    "hardware time, unless a section says that it was measured on hardware; modelled times are "
    "labelled.</p></footer>"
)
