# SPDX-License-Identifier: GPL-2.0-only
"""A report as plain text that can be pasted into a mail: at most 72 columns."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Sequence

from acceptlab.analysis.invariants.verdict import Finding
from acceptlab.analysis.kernel.caller_names import MARK_MEANS
from acceptlab.analysis.report.chapters import chapters
from acceptlab.analysis.report.compare import comparison_chapter
from acceptlab.analysis.report.fact_table import pieces
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
from acceptlab.analysis.report.shell_line import shell_lines
from acceptlab.analysis.report.tables import Chapter, Table, shortened

WIDTH = 72
_LABEL = 24
_PER_TABLE = 3
_MOST_COLUMNS = 6
"""Runs that are still shown side by side."""
_LISTED_EVENTS = 12
_CLOCK = re.compile(r"(?P<number>[\d,]+) (?P<unit>instr\.|ns)")
_LARGER = {
    "instr.": ((10**6, "M instr"), (10**9, "G instr")),
    "ns": ((10**6, "ms"), (10**9, "s")),
}
"""Larger units, in ones of the clock's own."""


def as_text(subjects: Sequence[Subject]) -> str:
    """The whole report."""
    groups = groups_of(subjects)
    several = by_seeds(groups)
    detailed = detailed_runs(groups) if several else subjects
    parts = ["\n".join([*provenance_lines(of_runs(subjects)), ""])]
    if not several and len(subjects) <= _MOST_COLUMNS:
        parts.append(_comparison(subjects))
    if several or len(subjects) > 1:
        parts.append("\n".join(chapter_lines(comparison_chapter(groups))))
    if several:
        parts.append("\n".join([*table_lines(runs_table(groups)), ""]))
    parts.extend(_run(subject) for subject in detailed)
    others = [subject for subject in subjects if subject not in detailed]
    parts.extend(f"{subject.name}\n{_way_back(subject)}" for subject in others)
    return "\n".join(parts)


def provenance_lines(of: Provenance) -> list[str]:
    """Where the figures come from, and the command."""
    command = [*_wrapped(of.how), *shell_lines(of.command)] if of.command else []
    return [*_wrapped(of.line), *command]


def _comparison(subjects: Sequence[Subject]) -> str:
    lines: list[str] = []
    for start in range(0, len(subjects), _PER_TABLE):
        some = subjects[start : start + _PER_TABLE]
        width = (WIDTH - _LABEL) // len(some)
        lines.append(_row("", [subject.name for subject in some], width))
        lines.append("-" * (_LABEL + width * len(some)))
        columns = [fact_rows(subject) for subject in some]
        for index, (label, _) in enumerate(columns[0]):
            lines.append(_row(label, [column[index][1] for column in columns], width))
        lines.append("")
    return "\n".join(lines)


def _fitting(value: str, letters: int) -> str:
    """A clock that has no room in a larger unit, rounded: a figure that is cut says nothing."""
    if len(value) <= letters or not (clock := _CLOCK.fullmatch(value)):
        return value
    number = int(clock["number"].replace(",", ""))
    forms = [f"{number / size:,.1f} {unit}" for size, unit in _LARGER[clock["unit"]]]
    return next((one for one in forms if len(one) <= letters), value)


def _row(label: str, values: Sequence[str], width: int) -> str:
    cells = [shortened(_fitting(value, width - 1), width - 1).rjust(width) for value in values]
    return (shortened(label, _LABEL).ljust(_LABEL) + "".join(cells)).rstrip()


def _run(subject: Subject) -> str:
    verdict = subject.verdict
    lines = [*_wrapped(f"{subject.name}: {verdict.verdict}"), "=" * WIDTH]
    lines += _wrapped(verdict.headline)
    lines += [
        line
        for reason in (*verdict.reasons, *verdict.notes)
        for line in _wrapped(f"- {reason}", "  ")
    ]
    lines.append("")
    for result in verdict.invariants:
        lines.append(f"  {result.name:<4} {result.status:<15} {result.title}"[:WIDTH])
    lines.append("")
    for finding in verdict.findings:
        lines += _finding(finding)
    lines += _stages(subject) + _callers(subject)
    for chapter in chapters(subject):
        lines += chapter_lines(chapter)
    lines.append(_way_back(subject))
    return "\n".join(lines)


def _way_back(subject: Subject) -> str:
    """Where every number of a run comes from, and how to get it again."""
    lines = ["From the run in:", *shell_lines(shlex.quote(str(subject.run.path.resolve())))]
    if subject.run.info.reproduce:
        lines += ["To reproduce:", *shell_lines(subject.run.info.reproduce)]
    return "\n".join([*lines, ""])


def _finding(finding: Finding) -> list[str]:
    of = f" ({finding.total} of this kind)" if finding.total > 1 else ""
    lines = _wrapped(f"{finding.invariant}: {finding.title}{of}", "    ")
    lines += [f"    {line}" for line in textwrap.wrap(finding.explanation, WIDTH - 4)]
    evidence = finding.evidence
    for name, value in evidence.items():
        if name not in ("history", "size") and value not in ("", []):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            lines += _wrapped(f"    {name:<14} {shown}", " " * 19)
    for event in evidence.get("history", [])[-_LISTED_EVENTS:]:
        lines.append(
            f"      {event['seq']:>9} {event['kind']:<11} {event['gpa']:>13} "
            f"{event['size']:>9} vcpu {event['vcpu']:<3} {event['result']}"[:WIDTH]
        )
    return [*lines, ""]


def _stages(subject: Subject) -> list[str]:
    rows = stage_rows(subject)
    if not rows:
        return []
    word = clock_word(subject.run.info.clock)
    lines = [f"{'stage':<20}{word:>20}{'accepts':>14}{'accepted':>16}"]
    for stage, spent, accepts, size in rows:
        lines.append(f"{stage:<20}{count(spent):>20}{count(accepts):>14}{mib(size):>16}")
    return [*lines, ""]


def _callers(subject: Subject) -> list[str]:
    rows = caller_rows(subject)
    if not rows:
        return []
    lines = [f"{'accepted by':<36}{'stage':<13}{'accepts':>10}{'bytes':>13}"]
    for row in rows[:TOP_CALLERS]:
        name, stage = shortened(row.shown, 35), shortened(row.stage, 12)
        lines.append(f"{name:<36}{stage:<13}{count(row.accepts):>10}{mib(row.bytes):>13}")
    if len(rows) > TOP_CALLERS:
        lines.append(f"  and {len(rows) - TOP_CALLERS} more")
    if any(row.best_effort for row in rows[:TOP_CALLERS]):
        lines.append(MARK_MEANS)
    return [*lines, ""]


def chapter_lines(chapter: Chapter) -> list[str]:
    """A chapter with its tables and notes."""
    lines = [chapter.heading, "-" * len(chapter.heading)]
    lines += [line for said in chapter.first for line in _wrapped(said)]
    lines += [*_wrapped(chapter.lead), ""]
    lines += [
        line for name, about in chapter.key for line in _wrapped(f"  {name:<3}{about}", "     ")
    ]
    lines += [""] if chapter.key else []
    tables = [piece for one in chapter.tables for piece in _narrow(one, bool(chapter.key))]
    for one in tables:
        lines += [*table_lines(one), ""]
    notes = [line for note in chapter.notes for line in _wrapped(f"- {note}", "  ")]
    return [*lines, *notes, *([""] if notes else [])]


def _narrow(one: Table, keyed: bool) -> list[Table]:
    """A table of facts in pieces that fit; any other as it is."""
    return pieces(one, WIDTH) if keyed else [one]


def table_lines(one: Table) -> list[str]:
    """A table of at most 72 columns: the first column takes what the others leave over."""
    rows = [list(one.head), *map(list, one.rows)]
    widths = [max(len(row[at]) for row in rows) + 2 for at in range(1, len(one.head))]
    first = min(max(len(row[0]) for row in rows if any(row[1:])), WIDTH - sum(widths))
    lines = [*_wrapped(one.caption)]
    for number, row in enumerate(rows):
        if any(row[1:]) or not number:
            cells = "".join(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))
            lines.append((shortened(row[0], first).ljust(first) + cells).rstrip())
        else:
            indent = " " * (len(row[0]) - len(row[0].lstrip()) + 2)
            lines += textwrap.wrap(row[0], WIDTH, subsequent_indent=indent, break_on_hyphens=False)
        if not number:
            lines.append("-" * (first + sum(widths)))
    return lines + [line for note in one.notes for line in _wrapped(f"  {note}", "    ")]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]
