# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of kernels as one table, with what a reader has to know before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.report.fact_table import Cell, Fact, fact_table, letters
from acceptlab.analysis.report.fairness import Build, is_fair
from acceptlab.analysis.report.kernels.headline import headline
from acceptlab.analysis.report.kernels.modelled_facts import column_of
from acceptlab.analysis.report.kernels.summary import Bench, Block, Row
from acceptlab.analysis.report.matrix.columns import unit_of
from acceptlab.analysis.report.tables import Chapter


def comparison(bench: Bench) -> Chapter:
    """The whole comparison: the headline in words, kernels by their letters, facts by kernels, and what is missing or went wrong."""
    names = letters(len(_kernels(bench)))
    return Chapter(
        bench.title,
        f"{bench.workload} {_seeds(bench)}",
        [fact_table("Facts by kernel", _facts(bench), names)],
        remarks(bench),
        headline(bench.blocks, bench.builds),
        [(name, about) for name, about in zip(names, _abouts(bench), strict=True)],
    )


def remarks(bench: Bench) -> list[str]:
    """What the modelled times are, which runs are missing, and which were not clean."""
    missing = [f"MISSING: {one.kernel} on {one.platform}: {one.why}" for one in bench.missing]
    return [*bench.notes, *missing, *bench.troubles]


def _kernels(bench: Bench) -> list[str]:
    return [row.kernel for row in bench.blocks[0].rows] if bench.blocks else []


def _abouts(bench: Bench) -> list[str]:
    known = {one.name: one.words for one in bench.builds}
    return [f"{name}: {known[name]}" if name in known else name for name in _kernels(bench)]


def _facts(bench: Bench) -> list[Fact]:
    several = len({block.platform for block in bench.blocks}) > 1
    return [_fact(block, bench, several) for block in _by_platform(bench.blocks)]


def _by_platform(blocks: Sequence[Block]) -> list[Block]:
    platforms = list(dict.fromkeys(block.platform for block in blocks))
    return sorted(blocks, key=lambda block: platforms.index(block.platform))


def _fact(block: Block, bench: Bench, several: bool) -> Fact:
    """A row of the table; no change where two kernels are no fair pair."""
    column = column_of(block.fact)
    cells = [_cell(row, at, bench.builds) for at, row in enumerate(block.rows)]
    where = block.platform.upper() if several else ""
    return Fact(column, unit_of(column, bench.clock), cells, where)


def _cell(row: Row, at: int, builds: Sequence[Build]) -> Cell:
    first = at and (not builds or is_fair(builds[0], builds[at]))
    before = at and (not builds or is_fair(builds[at - 1], builds[at]))
    return Cell(
        row.median,
        row.low,
        row.high,
        row.change_first if first else None,
        row.change if before else None,
    )


def _seeds(bench: Bench) -> str:
    seeds = ", ".join(map(str, bench.seeds))
    what = (
        "median, and minimum and maximum where they differ"
        if len(bench.seeds) > 1
        else "one run of each"
    )
    times = "and modelled times" if bench.notes else "no times"
    return f"Seeds {seeds}: {what}. Counts of the trace, {times}."
