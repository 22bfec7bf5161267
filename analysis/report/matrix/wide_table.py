# SPDX-License-Identifier: GPL-2.0-only
"""Rows of labels and facts as plain text, at most 72 columns wide where the words allow it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 72
_GAP = 2


@dataclass(frozen=True)
class Table:
    """Headings and cells as texts. The first `labels` columns say what a row is, the others are numbers or words."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    labels: int

    def text(self) -> str:
        """The table, in as many pieces as fit: each repeats the labels, and has some of the other columns."""
        left = [self._column(at) for at in range(self.labels)]
        others = [self._column(at) for at in range(self.labels, len(self.headings))]
        pieces = _pieces(left, others)
        return "\n\n".join(_piece(left, some) for some in pieces)

    def _column(self, at: int) -> _Column:
        return _Column(self.headings[at], [row[at] for row in self.rows], at < self.labels)


@dataclass(frozen=True)
class _Column:
    heading: str
    cells: Sequence[str]
    left: bool

    @property
    def width(self) -> int:
        words = max(map(len, self.heading.split()), default=0)
        return max(words, *(len(cell) for cell in self.cells))

    def lines(self) -> list[str]:
        """The heading, wrapped to the column's width."""
        return textwrap.wrap(self.heading, max(self.width, 1), break_on_hyphens=False) or [""]

    def fit(self, text: str) -> str:
        return text.ljust(self.width) if self.left else text.rjust(self.width)


def _pieces(left: Sequence[_Column], others: Sequence[_Column]) -> list[list[_Column]]:
    start = sum(column.width + _GAP for column in left)
    pieces: list[list[_Column]] = [[]]
    used = start
    for column in others:
        if pieces[-1] and used + column.width > WIDTH:
            pieces.append([])
            used = start
        pieces[-1].append(column)
        used += column.width + _GAP
    return pieces


def _piece(left: Sequence[_Column], others: Sequence[_Column]) -> str:
    columns = [*left, *others]
    height = max(len(column.lines()) for column in columns)
    lines = []
    for at in range(height):
        heads = [([""] * (height - len(c.lines())) + c.lines())[at] for c in columns]
        lines.append(_joined(columns, heads))
    lines.append("-" * len(_joined(columns, ["x" * column.width for column in columns])))
    for at in range(len(columns[0].cells)):
        lines.append(_joined(columns, [column.cells[at] for column in columns]))
    return "\n".join(lines)


def _joined(columns: Sequence[_Column], texts: Sequence[str]) -> str:
    cells = [column.fit(text) for column, text in zip(columns, texts, strict=True)]
    return (" " * _GAP).join(cells).rstrip()
