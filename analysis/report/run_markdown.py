# SPDX-License-Identifier: GPL-2.0-only
"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.invariants.verdict import Finding
from acceptlab.analysis.report.chapters import chapters
from acceptlab.analysis.report.compare import comparison_chapter
from acceptlab.analysis.report.facts import (
    TOP_CALLERS,
    Subject,
    caller_rows,
    clock_word,
    count,
    fact_rows,
    mib,
    stage_rows,
)
from acceptlab.analysis.report.provenance import of_runs
from acceptlab.analysis.report.provenance_line import Provenance
from acceptlab.analysis.report.run_groups import by_seeds, detailed_runs, groups_of, runs_table
from acceptlab.analysis.report.tables import Chapter, Table

_MOST_COLUMNS = 6
"""Runs that are still shown side by side."""


def as_markdown(subjects: Sequence[Subject]) -> str:
    """The whole report."""
    groups = groups_of(subjects)
    several = by_seeds(groups)
    detailed = detailed_runs(groups) if several else subjects
    parts = ["# Memory acceptance", *provenance_parts(of_runs(subjects))]
    if not several and len(subjects) <= _MOST_COLUMNS:
        parts.append(_comparison(subjects))
    if several or len(subjects) > 1:
        parts.append(chapter_parts(comparison_chapter(groups), "##"))
    if several:
        parts.append(_table(runs_table(groups)))
    parts.extend(_run(subject) for subject in detailed)
    others = [subject for subject in subjects if subject not in detailed]
    parts.extend(f"## {_plain(subject.name)}\n\n{_way_back(subject)}" for subject in others)
    return "\n\n".join(parts) + "\n"


def provenance_parts(of: Provenance) -> list[str]:
    """Where the figures come from, and the command."""
    return [_plain(of.line), *([f"{_plain(of.how)}\n\n    {of.command}"] if of.command else [])]


def _comparison(subjects: Sequence[Subject]) -> str:
    columns = [fact_rows(subject) for subject in subjects]
    rows = [
        [label, *(column[index][1] for column in columns)]
        for index, (label, _) in enumerate(columns[0])
    ]
    return table(["", *(subject.name for subject in subjects)], rows)


def _run(subject: Subject) -> str:
    verdict = subject.verdict
    parts = [f"## {_plain(subject.name)}: {verdict.verdict}", _plain(verdict.headline)]
    if notes := [*verdict.reasons, *verdict.notes]:
        parts.append("\n".join(f"- {_plain(line)}" for line in notes))
    results = [
        [result.name, str(result.status), result.title, result.explanation]
        for result in verdict.invariants
    ]
    parts.append(table(["", "status", "invariant", "why"], results))
    parts.extend(_finding(finding) for finding in verdict.findings)
    if stages := stage_rows(subject):
        rows = [[stage, count(spent), count(n), mib(size)] for stage, spent, n, size in stages]
        word = clock_word(subject.run.info.clock)
        parts.append(table(["stage", word, "accepts", "accepted"], rows))
    if callers := caller_rows(subject)[:TOP_CALLERS]:
        cells = [[one.shown, one.stage, count(one.accepts), mib(one.bytes)] for one in callers]
        parts.append(table(["accepted by", "stage", "accepts", "bytes"], cells))
    parts.extend(chapter_parts(chapter) for chapter in chapters(subject))
    parts.append(_way_back(subject))
    return "\n\n".join(parts)


def _way_back(subject: Subject) -> str:
    parts = [f"From the run in:\n\n    {subject.run.path.resolve()}"]
    if subject.run.info.reproduce:
        parts.append(f"To reproduce:\n\n    {subject.run.info.reproduce}")
    return "\n\n".join(parts)


def chapter_parts(chapter: Chapter, mark: str = "###") -> str:
    """A chapter with its tables and notes, under a heading of ``mark``."""
    parts = [f"{mark} {_plain(chapter.heading)}", *map(_plain, chapter.first), _plain(chapter.lead)]
    if chapter.key:
        parts.append("\n".join(f"- **{name}**: {_plain(about)}" for name, about in chapter.key))
    parts.extend(_table(one) for one in chapter.tables)
    if chapter.notes:
        parts.append("\n".join(f"- {_plain(note)}" for note in chapter.notes))
    return "\n\n".join(parts)


def _table(one: Table) -> str:
    parts = [f"**{_plain(one.caption)}**", table(one.head, one.rows)]
    if one.notes:
        parts.append("\n".join(f"- {_plain(note)}" for note in one.notes))
    return "\n\n".join(parts)


def _finding(finding: Finding) -> str:
    of = f" ({finding.total} of this kind)" if finding.total > 1 else ""
    parts = [f"### {finding.invariant}: {_plain(finding.title)}{of}", _plain(finding.explanation)]
    rows = [
        [name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)]
        for name, value in finding.evidence.items()
        if name not in ("history", "size") and value not in ("", [])
    ]
    parts.append(table(["evidence", ""], rows))
    if history := finding.evidence.get("history"):
        names = ["seq", "stage", "kind", "gpa", "size", "vcpu", "result"]
        events = [[str(event[name]) for name in names] for event in history]
        parts.append(table(names, events))
    return "\n\n".join(parts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; what Markdown would read as its own is escaped."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    for mark in ("\\", "|", "*", "_", "`", "<", "["):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
