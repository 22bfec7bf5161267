# SPDX-License-Identifier: GPL-2.0-only
"""One table of facts by kernels or groups of runs: a row for each fact with its unit, a column for each kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from acceptlab.analysis.report.kernels.summary import percent
from acceptlab.analysis.report.matrix.columns import Column, shown
from acceptlab.analysis.report.tables import Table

_NAMES = 2
"""Columns before the first kernel's: the fact and its unit."""


@dataclass(frozen=True)
class Cell:
    """A kernel's values of one fact: None where no run has it. Changes are of medians, in percent; ``chance`` is a p in words."""

    median: float | None
    least: float | None = None
    most: float | None = None
    change: float | None = None
    change_before: float | None = None
    chance: str = ""


@dataclass(frozen=True)
class Fact:
    """One row of the table: a fact, of every kernel. ``where`` is the platform, if the table has several."""

    column: Column
    unit: str
    standings: Sequence[Cell]
    where: str = ""

    @property
    def name(self) -> str:
        """The fact as its row is called."""
        return f"{self.where}: {self.column.heading}" if self.where else self.column.heading


def letters(count: int) -> list[str]:
    """Names of columns: A, B ... Z, then AA, AB ..."""
    found = list(ascii_uppercase)
    while len(found) < count:
        found += [f"{one}{two}" for one in ascii_uppercase for two in ascii_uppercase]
    return found[:count]


def fact_table(caption: str, facts: Sequence[Fact], names: Sequence[str]) -> Table:
    """The table; below a fact stand its changes, its spread and its chance, where there are any."""
    rows = [row for fact in facts for row in _rows(fact)]
    return Table(caption, ("fact", "unit", *names), rows)


def pieces(table: Table, width: int) -> list[Table]:
    """The table in as many pieces as have room in ``width`` columns of text, each with the fact, the unit and the first kernel."""
    head, rows = list(table.head), [list(row) for row in table.rows]
    sizes = [max(len(row[at]) for row in [head, *rows]) + 2 for at in range(len(head))]
    fixed = min(sizes[0], 34) + sum(sizes[1 : _NAMES + 1])
    found: list[list[int]] = [[]]
    for at in range(_NAMES + 1, len(head)):
        if found[-1] and fixed + sum(sizes[one] for one in found[-1]) + sizes[at] > width:
            found.append([])
        found[-1].append(at)
    return [_piece(table, [*range(_NAMES + 1), *some]) for some in found]


def _piece(table: Table, columns: Sequence[int]) -> Table:
    head = [table.head[at] for at in columns]
    return Table(table.caption, head, [[row[at] for at in columns] for row in table.rows])


def _rows(fact: Fact) -> list[list[str]]:
    column, standings = fact.column, fact.standings
    rows = [[fact.name, fact.unit, *(shown(column, _whole(one.median)) for one in standings)]]
    if any(one.change for one in standings):
        rows.append(["  against the first", "%", *(_change(one.change) for one in standings)])
    before = [one.change_before for one in standings]
    if len(standings) > 2 and any(before):
        rows.append(["  against the one before", "%", *map(_change, before)])
    if any(_end(column, one, one.least) != _end(column, one, one.most) for one in standings):
        rows.append(["  minimum", fact.unit, *(_end(column, one, one.least) for one in standings)])
        rows.append(["  maximum", fact.unit, *(_end(column, one, one.most) for one in standings)])
    if any(one.chance for one in standings):
        rows.append(["  p", "", *(one.chance for one in standings)])
    return rows


def _end(column: Column, one: Cell, value: float | None) -> str:
    return "" if one.least == one.most else shown(column, _whole(value))


def _change(value: float | None) -> str:
    """A change without its sign of percent, which stands beside it; a factor keeps its x."""
    return "" if value is None else percent(value).replace("=", "0").removesuffix("%")


def _whole(value: float | None) -> float | int | None:
    return None if value is None else int(value) if float(value).is_integer() else value
