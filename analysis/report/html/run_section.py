# SPDX-License-Identifier: GPL-2.0-only
"""One run of a report, as a section of a page."""

from __future__ import annotations

from acceptlab.analysis.report import latency_plots, plots
from acceptlab.analysis.report.chapters import LATENCY, STALLS, chapters
from acceptlab.analysis.report.facts import (
    TOP_CALLERS,
    Subject,
    caller_rows,
    clock_word,
    count,
    mib,
    stage_rows,
)
from acceptlab.analysis.report.figures import Figures
from acceptlab.analysis.report.html.detail import Detail
from acceptlab.analysis.report.html.findings_section import findings, invariants
from acceptlab.analysis.report.html_parts import box, chapter, heads, listed, numbers
from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.stall_causes import held_up


def section(subject: Subject, number: int, figures: Figures, detail: Detail) -> str:
    """A run: verdict, findings, costs, chapters, charts, and the way back."""
    charts = detail is Detail.ALL
    verdict = subject.verdict
    parts = [
        f'<section class="run" aria-labelledby="run-{number}"><div class="title">',
        f'<h2 id="run-{number}" tabindex="-1">{escape(subject.name)}</h2>',
        f'<span class="badge {verdict.verdict}">{verdict.verdict}</span>',
        f'<a class="back" href="#run-{number}-source">source of the numbers</a></div>',
        f"<p>{escape(verdict.headline)}</p>",
        listed([*verdict.reasons, *verdict.notes]),
        findings(verdict),
        _map(subject, figures) if detail >= Detail.MAP else "",
        invariants(verdict),
        _costs(subject, figures, charts),
        *(
            chapter(one, subject.name) + (_plots(one.heading, subject, figures) if charts else "")
            for one in chapters(subject)
        ),
        source(subject, f"run-{number}-source"),
        "</section>",
    ]
    return "".join(parts)


def brief(subject: Subject, number: int) -> str:
    """A run with only its verdict and its source."""
    verdict = subject.verdict
    return (
        f'<section class="run" aria-labelledby="run-{number}"><div class="title">'
        f'<h2 id="run-{number}" tabindex="-1">{escape(subject.name)}</h2>'
        f'<span class="badge {verdict.verdict}">{verdict.verdict}</span></div>'
        f"<p>{escape(verdict.headline)}</p>{source(subject, f'run-{number}-source')}</section>"
    )


def source(subject: Subject, name: str) -> str:
    """Where a run's numbers come from, and how to get them again; ``name`` is the place's id."""
    info = subject.run.info
    path = escape(str(subject.run.path.resolve()))
    parts = [
        f'<h3 id="{name}">Source of the numbers</h3><dl>',
        f"<dt>folder</dt><dd><code>{path}</code></dd>",
        f"<dt>events.parquet</dt><dd><code>sha256 {escape(info.events.sha256)}</code></dd></dl>",
    ]
    if info.reproduce:
        parts.append(f"<p>To reproduce:</p><pre><code>{escape(info.reproduce)}</code></pre>")
    return "".join(parts)


def _costs(subject: Subject, figures: Figures, charts: bool) -> str:
    word = clock_word(subject.run.info.clock)
    stages = [
        numbers(stage, count(spent), count(accepts), mib(size))
        for stage, spent, accepts, size in stage_rows(subject)
    ]
    callers = [
        numbers(row.shown, row.stage, count(row.accepts), mib(row.bytes))
        for row in caller_rows(subject)[:TOP_CALLERS]
    ]
    parts = ["<h3>Cost</h3>"]
    of = f"of {subject.name}"
    if stages:
        head = heads("stage", word, "accepts", "accepted")
        parts.append(box("By stage", head, stages, f"Cost by stage {of}"))
    if callers:
        head = heads("function", "stage", "accepts", "accepted")
        parts.append(box("By requesting function", head, callers, f"Cost by caller {of}"))
        if charts:
            caption = f"Accepted memory {of}: bytes by function and stage"
            parts.append(figures.place(plots.operations_by_stage(subject), caption))
    return "".join(parts)


def _map(subject: Subject, figures: Figures) -> str:
    return figures.place(
        plots.acceptance_map(subject),
        f"Memory of {subject.name} by time of acceptance: share of each row of addresses "
        "that is accepted, from the boot handoff on",
    )


def _plots(heading: str, subject: Subject, figures: Figures) -> str:
    """The plots that belong to a chapter."""
    latency, of = subject.latency, f"of {subject.name}"
    unit = clock_word(latency.unit)
    if heading == STALLS:
        profile = subject.modelled.profile if subject.modelled else None
        figure = latency_plots.held_up_bars(held_up(caller_rows(subject), profile))
        return figures.place(figure, f"Stalls by accepts {of}, in bytes")
    if heading != LATENCY:
        return ""
    parts = [
        figures.place(
            latency_plots.distributions(latency),
            f"Duration of calls {of}: share of calls that took at most so many {unit}",
        )
    ]
    if latency.stalls:
        figure = latency_plots.stalls(latency)
        parts.append(figures.place(figure, f"Stalls by acceptance {of}, in {unit}"))
    return "".join(parts)
