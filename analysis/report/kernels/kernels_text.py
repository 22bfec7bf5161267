# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of kernels as plain text, at most 72 columns wide, and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from acceptlab.analysis.printable import shown_lines
from acceptlab.analysis.report.kernels.modelled_facts import column_of
from acceptlab.analysis.report.kernels.summary import Bench, Block, Row, percent
from acceptlab.analysis.report.matrix.columns import shown, unit_word
from acceptlab.analysis.report.matrix.wide_table import WIDTH

_KERNEL, _MEDIAN, _SPREAD, _CHANGE = 26, 11, 19, 10
_HEADS = ("kernel", "median", "min .. max", "before", "first")


def as_text(bench: Bench) -> str:
    """The whole comparison."""
    lines = [*_wrapped(bench.title), *_wrapped(bench.workload), *_wrapped(_seeds(bench)), ""]
    for block in bench.blocks:
        lines += [*_block(block), ""]
    lines += [line for told in _notes(bench) for line in _wrapped(told)]
    return shown_lines("\n".join(lines).rstrip() + "\n")


def as_markdown(bench: Bench) -> str:
    """The same as Markdown tables."""
    lines = [f"## {bench.title}", "", bench.workload, "", _seeds(bench), ""]
    for block in bench.blocks:
        lines += [f"### {heading(block)}", "", "| " + " | ".join(_HEADS) + " |"]
        lines += ["|---|---:|---:|---:|---:|"]
        lines += ["| " + " | ".join(_escaped(cell) for cell in cells(block, row)) + " |"
                  for row in block.rows]  # fmt: skip
        lines.append("")
    lines += [f"- {_escaped(told)}" for told in _notes(bench)]
    return shown_lines("\n".join(lines).rstrip() + "\n")


def heading(block: Block) -> str:
    """What a block is about: fact, unit and platform."""
    column = column_of(block.fact)
    unit = unit_word(column)
    return f"{block.platform}: {column.heading}{f', {unit}' if unit else ''}"


def cells(block: Block, row: Row) -> tuple[str, str, str, str, str]:
    """A row as a table shows it."""
    column = column_of(block.fact)
    if row.median is None or row.low is None or row.high is None:
        return row.kernel, "-", "-", "", ""
    spread = f"{shown(column, _whole(row.low))} .. {shown(column, _whole(row.high))}"
    return (
        row.kernel,
        shown(column, _whole(row.median)),
        spread if row.low != row.high else "",
        percent(row.change),
        percent(row.change_first),
    )


def _block(block: Block) -> list[str]:
    lines = [heading(block), _line(_HEADS), "-" * WIDTH]
    return lines + [_line(cells(block, row)) for row in block.rows]


def _line(texts: Sequence[str]) -> str:
    """One line; a long kernel's name or spread gets a line of its own."""
    kernel, median, spread, before, first = texts
    numbers = f"{median:>{_MEDIAN}}{spread:>{_SPREAD}}{before:>{_CHANGE - 2}}{first:>{_CHANGE - 2}}"
    if len(kernel) < _KERNEL and len(numbers) <= WIDTH - _KERNEL:
        return f"{kernel:<{_KERNEL}}{numbers}".rstrip()
    return f"{kernel[:WIDTH]}\n{numbers.strip():>{WIDTH}}"


def _notes(bench: Bench) -> list[str]:
    missing = [f"MISSING: {one.kernel} on {one.platform}: {one.why}" for one in bench.missing]
    return [*bench.notes, *missing, *bench.troubles]


def _seeds(bench: Bench) -> str:
    seeds = ", ".join(map(str, bench.seeds))
    times = "and modelled times" if bench.notes else "no times"
    return (
        f"Seeds {seeds}: median, and min .. max where they differ; change of the median relative to the "
        f"previous and to the first kernel. Counts of the trace, {times}."
    )


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)
