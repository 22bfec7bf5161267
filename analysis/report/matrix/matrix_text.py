# SPDX-License-Identifier: GPL-2.0-only
"""A matrix as plain text: a table for every sweep, what went wrong, and the way back to every run."""

from __future__ import annotations

import textwrap

from acceptlab.analysis.report.matrix.columns import COLUMNS, Column, shown, unit_word
from acceptlab.analysis.report.matrix.over_kernels import histories
from acceptlab.analysis.report.matrix.seeds import SEED, Repeated, over_seeds, repeats_seeds
from acceptlab.analysis.report.matrix.sheet import DONE, CellSheet, Sheet, SweepSheet, troubles
from acceptlab.analysis.report.matrix.wide_table import WIDTH, Table


def as_text(sheet: Sheet) -> str:
    """The whole matrix."""
    parts = [_wrapped(sheet.title), "=" * min(len(sheet.title), WIDTH), ""]
    for sweep in sheet.sweeps:
        parts += [summary(sweep), ""]
    for sweep in sheet.sweeps:
        parts += [_ways_back(sweep), ""]
    return "\n".join(parts).rstrip() + "\n"


def summary(sweep: SweepSheet) -> str:
    """A sweep's question, its table, and the cells that have something to say."""
    lines = [_wrapped(sweep.question or sweep.name)]
    constant = ", ".join(f"{axis} {value}" for axis, value in sweep.constant.items())
    lines += [_wrapped(f"({constant})")] if constant else []
    if repeats_seeds(sweep):
        seeds = ", ".join(dict.fromkeys(cell.labels[SEED] for cell in sweep.cells))
        lines += [_wrapped(f"Seeds {seeds}: median, and min .. max where they differ.")]
    lines += ["", table(sweep).text()]
    if over := histories(sweep):
        lines += ["", *(_wrapped(one.text(), "   ") for one in over)]
    told = troubles(sweep)
    lines += ["", *(_wrapped(line, "   ") for line in told)] if told else []
    return "\n".join(lines)


def table(sweep: SweepSheet) -> Table:
    """The sweep's table: numbers of runs, the axes on which its shapes differ, and the facts."""
    shapes = over_seeds(sweep)
    axes = shapes.varying
    spread = {name for cell in shapes.cells if isinstance(cell, Repeated) for name in cell.spread}
    columns = [COLUMNS[name] for name in sweep.columns]
    heads = []
    for column in columns:
        heads.append(f"{column.heading} {unit_word(column)}".strip())
        heads += [f"{column.heading}, min .. max"] if column.name in spread else []
    rows = []
    for number, cell in enumerate(shapes.cells, 1):
        facts = [text for column in columns for text in _facts(cell, column, spread)]
        rows.append([_numbers(cell, number), *(cell.labels[axis] for axis in axes), *facts])
    return Table(["", *axes, *heads], rows, 1 + len(axes))


def _facts(cell: CellSheet, column: Column, spread: set[str]) -> list[str]:
    """A cell's text in one column; two where seeds differ in it."""
    if cell.state != DONE:
        return [cell.state, ""][: 1 + (column.name in spread)]
    texts = [shown(column, cell.facts.get(column.name))]
    if column.name in spread:
        ends = cell.spread.get(column.name) if isinstance(cell, Repeated) else None
        texts.append(" .. ".join(shown(column, end) for end in ends) if ends else "")
    return texts


def _numbers(cell: CellSheet, number: int) -> str:
    """The run's number, or those of all seeds."""
    return "#" + ",".join(map(str, cell.numbers if isinstance(cell, Repeated) else [number]))


def _ways_back(sweep: SweepSheet) -> str:
    lines = [f"Runs of {sweep.name}"]
    for number, cell in enumerate(sweep.cells, 1):
        lines += _way_back(number, cell)
    return "\n".join(lines)


def _way_back(number: int, cell: CellSheet) -> list[str]:
    if cell.state != DONE:
        return [f"#{number} {cell.state}"]
    shell = textwrap.wrap(
        cell.reproduce,
        WIDTH - 6,
        break_long_words=False,
        break_on_hyphens=False,
        subsequent_indent="  ",
    )
    return [
        f"#{number} {cell.run}",
        *(f"    {line} \\" for line in shell[:-1]),
        *(f"    {line}" for line in shell[-1:]),
    ]


def _wrapped(text: str, indent: str = "") -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, subsequent_indent=indent)) or ""
