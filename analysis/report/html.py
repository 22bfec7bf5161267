# SPDX-License-Identifier: GPL-2.0-only
"""A report as one HTML page that needs nothing from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from analysis import plots
from analysis.findings import Finding, Verdict
from analysis.report.facts import (
    TOP_CALLERS,
    Subject,
    caller_rows,
    clock_word,
    count,
    fact_rows,
    mib,
    stage_rows,
)

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
)
_CODE = {"gpa", "rip", "symbol", "caller", "caller_symbol"}
_NAMES = {
    "caller_symbol": "called from",
    "rip": "instruction at",
    "symbol": "in function",
    "caller": "return address",
    "gpa": "guest address",
    "events": "events (seq)",
}
_HISTORY = ("seq", "stage", "kind", "gpa", "size", "vcpu", "result", "carry", "detail")


class _Figures:
    """Collects plots; each becomes a place in the page and a block of data."""

    def __init__(self) -> None:
        self._count = 0

    def place(self, figure: go.Figure, caption: str) -> str:
        name = f"plot-{self._count}"
        self._count += 1
        data = figure.to_json().replace("</", "<\\/")
        return (
            f'<figure><figcaption id="{name}-caption">{escape(caption)}</figcaption>'
            f'<div class="plot" id="{name}" role="img" aria-labelledby="{name}-caption"></div>'
            f'<script type="application/json" id="{name}-data">{data}</script></figure>'
        )


def as_html(subjects: Sequence[Subject]) -> str:
    """The whole page."""
    figures = _Figures()
    body = [_header(subjects), '<main id="main">', _comparison(subjects, figures)]
    body.extend(_run(subject, number, figures) for number, subject in enumerate(subjects))
    body.append("</main>")
    body.append(_FOOTER)
    title = "Memory acceptance: " + ", ".join(subject.name for subject in subjects)
    return _PAGE.format(
        policy=escape(_POLICY),
        title=escape(title),
        style=_resource("page.css"),
        body="\n".join(body),
        plotly=get_plotlyjs(),
        script=_resource("page.js"),
    )


def _resource(name: str) -> str:
    return files("analysis.report").joinpath(name).read_text(encoding="utf-8")


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


def _comparison(subjects: Sequence[Subject], figures: _Figures) -> str:
    columns = [fact_rows(subject) for subject in subjects]
    head = "".join(
        f'<th scope="col"><a href="#run-{number}">{escape(subject.name)}</a></th>'
        for number, subject in enumerate(subjects)
    )
    rows = []
    for index, (label, _) in enumerate(columns[0]):
        cells = "".join(_fact(label, column[index][1]) for column in columns)
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    table = _table(
        "What was run, and what it did", f"<td></td>{head}", rows, "Comparison of the runs"
    )
    figure = figures.place(
        plots.accepted_over_time(subjects),
        "Accepted memory over time, from what was accepted at hand-over",
    )
    return (
        '<section class="compare" aria-labelledby="compare"><h2 id="compare">Comparison</h2>'
        f"{table}{figure}</section>"
    )


def _fact(label: str, value: str) -> str:
    name = f' class="status {value}"' if label == "verdict" else ""
    return f"<td{name}>{escape(value)}</td>"


def _run(subject: Subject, number: int, figures: _Figures) -> str:
    verdict = subject.verdict
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    parts = [
        f'<section class="run" aria-labelledby="run-{number}"><div class="title">',
        f'<h2 id="run-{number}">{escape(subject.name)}</h2>',
        f'<span class="badge {verdict.verdict}">{verdict.verdict}</span></div>',
        f"<p>{escape(verdict.headline)}</p>",
        f"<ul>{reasons}</ul>" if reasons else "",
        _findings(verdict),
        _invariants(verdict),
        _costs(subject),
        "<h3>Plots</h3>",
        *_plots(subject, figures),
        _again(subject),
        "</section>",
    ]
    return "".join(parts)


def _plots(subject: Subject, figures: _Figures) -> list[str]:
    named = f"of {subject.name}"
    return [
        figures.place(
            plots.acceptance_map(subject),
            f"Which memory {named} was accepted when: how much of each row of addresses is "
            "accepted by then, from the hand-over on",
        ),
        figures.place(
            plots.operations_by_stage(subject),
            f"Who accepted the memory {named}: bytes by function and stage",
        ),
    ]


def _findings(verdict: Verdict) -> str:
    if not verdict.findings:
        return ""
    parts = ["<h3>Findings</h3>"]
    parts.extend(_finding(finding) for finding in verdict.findings)
    return "".join(parts)


def _finding(finding: Finding) -> str:
    of = f" ({count(finding.total)} of this kind)" if finding.total > 1 else ""
    evidence = {
        name: value
        for name, value in finding.evidence.items()
        if name not in ("history", "size") and value not in ("", [])
    }
    items = "".join(
        f"<dt>{escape(_NAMES.get(name, name.replace('_', ' ')))}</dt><dd>{_value(name, value)}</dd>"
        for name, value in evidence.items()
    )
    return (
        f'<article class="finding"><h4>{finding.invariant}: {escape(finding.title)}{of}</h4>'
        f"<p>{escape(finding.explanation)}</p><dl>{items}</dl>"
        f"{_history(finding)}</article>"
    )


def _value(name: str, value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"<code>{escape(text)}</code>" if name in _CODE else escape(text)


def _history(finding: Finding) -> str:
    events = finding.evidence.get("history")
    if not events:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in _HISTORY)
    rows = [
        "<tr>"
        + "".join(f'<td class="code">{escape(str(event.get(name, "")))}</td>' for name in _HISTORY)
        + "</tr>"
        for event in events
    ]
    label = f"Events of the page at {finding.evidence.get('gpa', '')}"
    table = _table("Oldest first; seq is the row in events.parquet", head, rows, label)
    return f"<details><summary>History of the page: {len(events)} events</summary>{table}</details>"


def _invariants(verdict: Verdict) -> str:
    head = (
        '<th scope="col">Rule</th><th scope="col">Status</th><th scope="col" class="why">Why</th>'
    )
    rows = [
        f'<tr><th scope="row">{one.name}: {escape(one.title)}</th>'
        f'<td class="status {str(one.status).replace(" ", "-")}">{one.status}</td>'
        f'<td class="why">{escape(one.explanation)}</td></tr>'
        for one in verdict.invariants
    ]
    table = _table("What can be said from this trace", head, rows, "Invariants")
    return f'<h3>Invariants</h3><div class="invariants">{table}</div>'


def _costs(subject: Subject) -> str:
    word = clock_word(subject.run.info.clock)
    stages = [
        _numbers(stage, count(spent), count(accepts), mib(size))
        for stage, spent, accepts, size in stage_rows(subject)
    ]
    callers = [
        _numbers(row.function, row.stage, count(row.accepts), mib(row.bytes))
        for row in caller_rows(subject)[:TOP_CALLERS]
    ]
    parts = ["<h3>Cost</h3>"]
    if stages:
        head = _head("stage", word, "accepts", "accepted")
        parts.append(_table("By stage", head, stages, "Cost by stage"))
    if callers:
        head = _head("function", "stage", "accepts", "accepted")
        parts.append(_table("By the function that asked", head, callers, "Cost by caller"))
    return "".join(parts)


def _head(first: str, *others: str) -> str:
    cells = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in others)
    return f'<th scope="col">{escape(first)}</th>{cells}'


def _numbers(first: str, *others: str) -> str:
    cells = "".join(f'<td class="number">{escape(value)}</td>' for value in others)
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'


def _table(caption: str, head: str, rows: Sequence[str], label: str) -> str:
    """A table in a box that scrolls sideways and can be reached by keyboard."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _again(subject: Subject) -> str:
    info = subject.run.info
    if not info.reproduce:
        return ""
    return f"<h3>To run it again</h3><pre><code>{escape(info.reproduce)}</code></pre>"


_FOOTER = (
    "<footer><p>Counts, orders and instruction counts are facts of the trace. No time here is a "
    "hardware time.</p></footer>"
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
