# SPDX-License-Identifier: GPL-2.0-only
"""The small parts that a page is put together from."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.provenance_line import Provenance
from acceptlab.analysis.report.tables import Chapter, Table


def box(caption: str, head: str, rows: Sequence[str], label: str) -> str:
    """A table in a box that scrolls sideways and can be reached by keyboard."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def heads(first: str, *others: str) -> str:
    """Column headings: the first of names, the others of numbers."""
    cells = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in others)
    return f'<th scope="col">{escape(first) or "<span>&nbsp;</span>"}</th>{cells}'


def numbers(first: str, *others: str) -> str:
    """A row: its name, and numbers."""
    cells = "".join(f'<td class="number">{escape(value)}</td>' for value in others)
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'


def chapter(one: Chapter, label: str, level: int = 3) -> str:
    """A chapter with its tables; ``label`` says whose it is, for who jumps from table to table."""
    tables = "".join(table(some, f"{some.caption}, {label}") for some in one.tables)
    return (
        f"<h{level}>{escape(one.heading)}</h{level}>{said(one.first)}<p>{escape(one.lead)}</p>"
        f"{key(one)}{tables}"
        f"{listed(one.notes)}"
    )


def provenance_html(of: Provenance) -> str:
    """Where the figures come from, and the command."""
    command = f" {escape(of.how)} <code>{escape(of.command)}</code>" if of.command else ""
    return f'<p class="provenance">{escape(of.line)}{command}</p>'


def said(sentences: Sequence[str]) -> str:
    """What a reader has to know before any figure."""
    return "".join(f'<p class="first">{escape(one)}</p>' for one in sentences)


def key(one: Chapter) -> str:
    """What the letters of a table's columns stand for; nothing for none."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(about)}</dd>" for name, about in one.key)
    return f'<dl class="key">{items}</dl>' if items else ""


def table(one: Table, label: str) -> str:
    """A table; a row without numbers spans them all."""
    first, *others = one.head
    rows = [_row(row, len(one.head)) for row in one.rows]
    return box(one.caption, heads(first, *others), rows, label) + listed(one.notes)


def listed(notes: Sequence[str]) -> str:
    """What has to be said, as a list; nothing for none."""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _row(row: Sequence[str], columns: int) -> str:
    first, *others = row
    depth = ' class="inner"' if first.startswith(" ") else ""
    if any(others):
        cells = "".join(f'<td class="number">{escape(value)}</td>' for value in others)
        return f'<tr><th scope="row"{depth}>{escape(first.strip())}</th>{cells}</tr>'
    return f'<tr><th scope="row"{depth} colspan="{columns}"><span class="wide">{escape(first.strip())}</span></th></tr>'
