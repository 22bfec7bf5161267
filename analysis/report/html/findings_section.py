# SPDX-License-Identifier: GPL-2.0-only
"""What the judge says about a run, as part of a page."""

from __future__ import annotations

from typing import Any

from acceptlab.analysis.invariants.verdict import Finding, Verdict
from acceptlab.analysis.report.facts import count
from acceptlab.analysis.report.html_parts import box
from acceptlab.analysis.report.html_text import escape

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


def findings(verdict: Verdict) -> str:
    """All findings with their evidence; nothing when there are none."""
    if not verdict.findings:
        return ""
    return "<h3>Findings</h3>" + "".join(_finding(finding) for finding in verdict.findings)


def invariants(verdict: Verdict) -> str:
    """What can be said about each invariant."""
    head = (
        '<th scope="col">Rule</th><th scope="col">Status</th><th scope="col" class="why">Why</th>'
    )
    rows = [
        f'<tr><th scope="row">{one.name}: {escape(one.title)}</th>'
        f'<td class="status {str(one.status).replace(" ", "-")}">{one.status}</td>'
        f'<td class="why">{escape(one.explanation)}</td></tr>'
        for one in verdict.invariants
    ]
    table = box("Invariants on this trace", head, rows, "Invariants")
    return f'<h3>Invariants</h3><div class="invariants">{table}</div>'


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
    table = box("Oldest first; seq is the row in events.parquet", head, rows, label)
    return f"<details><summary>History of the page: {len(events)} events</summary>{table}</details>"
