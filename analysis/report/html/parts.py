# SPDX-License-Identifier: GPL-2.0-only
"""The small parts that a page is put together from."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from acceptlab.analysis.report.html_text import escape
from acceptlab.analysis.report.tables import Chapter, Table


class Figures:
    """Collects plots; each becomes a place in the page and a block of data."""

    def __init__(self) -> None:
        self._count = 0

    def place(self, figure: go.Figure, caption: str) -> str:
        """A plot and its caption, which is what a screen reader says of it."""
        name = f"plot-{self._count}"
        self._count += 1
        data = figure.to_json().replace("</", "<\\/")
        return (
            f'<figure><figcaption id="{name}-caption">{escape(caption)}</figcaption>'
            f'<div class="plot" id="{name}" role="img" aria-labelledby="{name}-caption"></div>'
            f'<script type="application/json" id="{name}-data">{data}</script></figure>'
        )


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
        f"<h{level}>{escape(one.heading)}</h{level}><p>{escape(one.lead)}</p>{tables}"
        f"{listed(one.notes)}"
    )


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
