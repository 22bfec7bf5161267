# SPDX-License-Identifier: GPL-2.0-only
"""Groups of runs against each other: median and spread of every fact, the change, and whether it is more than chance."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.analysis.report.fact_table import Cell, Fact, fact_table, letters
from acceptlab.analysis.report.fairness import Build, unlike
from acceptlab.analysis.report.kernels.summary import change
from acceptlab.analysis.report.matrix.columns import (
    COLUMNS,
    Column,
    common_clock,
    facts_of,
    shown,
    unit_of,
)
from acceptlab.analysis.report.provenance_line import verdict_words
from acceptlab.analysis.report.run_groups import Group
from acceptlab.analysis.report.significance import least_p, p_value
from acceptlab.analysis.report.tables import Chapter

HEADING = "Differences"


@dataclass(frozen=True)
class Standing:
    """One group's values of one fact. ``change`` is of the median against the first group, percent.

    ``p`` is None where no test applies: for the first group, or when there is nothing that varies.
    """

    group: str
    values: tuple[float, ...]
    median: float
    change: float | None
    p: float | None

    @property
    def varies(self) -> bool:
        """Whether seeds make a difference."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Contest:
    """One fact (by column name) of all groups that have it."""

    fact: str
    standings: tuple[Standing, ...]

    @property
    def differs(self) -> bool:
        """Whether any two runs have different values."""
        return len({value for one in self.standings for value in one.values}) > 1


def contests(groups: Sequence[Group]) -> list[Contest]:
    """Every numeric fact that a run of each group has."""
    facts = [[facts_of(subject) for subject in group.subjects] for group in groups]
    found = []
    for name, column in COLUMNS.items():
        if column.unit == "word":
            continue
        known = [[one[name] for one in some] for some in facts]
        values = [tuple(float(one) for one in some if isinstance(one, int)) for some in known]
        if all(values):
            found.append(Contest(name, tuple(_standings(groups, values))))
    return found


def comparison_chapter(groups: Sequence[Group]) -> Chapter:
    """What the groups are with their verdicts, facts that differ as one table, and those that do not in one line."""
    every = contests(groups)
    differing = [one for one in every if one.differs]
    names = letters(len(groups))
    clock = common_clock(one.run.info.clock for group in groups for one in group.subjects)
    facts = [_fact(one, clock) for one in differing]
    tables = [fact_table("Facts that differ", facts, names)] if differing else []
    same = [one for one in every if not one.differs]
    key = [(name, _about(group)) for name, group in zip(names, groups, strict=True)]
    builds = [_build(name, group) for name, group in zip(names, groups, strict=True)]
    return Chapter(
        HEADING, _lead(groups), tables, _notes(groups, every, same, clock), _unlike(builds), key
    )


def _about(group: Group) -> str:
    verdicts = [subject.verdict.verdict for subject in group.subjects]
    return f"{verdict_words(verdicts)}: {group.label}"


def _build(name: str, group: Group) -> Build:
    info = group.subjects[0].run.info
    commit = str((info.series or {}).get("commit", ""))
    kernel = info.kernel
    return Build(name, kernel.version, commit, kernel.configuration, kernel.compiler)


def _unlike(builds: Sequence[Build]) -> list[str]:
    """Nothing where all runs are of one kernel."""
    several = len({(one.version, one.commit) for one in builds}) > 1
    return unlike(builds) if several else []


def _standings(groups: Sequence[Group], values: Sequence[tuple[float, ...]]) -> list[Standing]:
    found: list[Standing] = []
    for group, mine in zip(groups, values, strict=True):
        median = statistics.median(mine)
        against = found[0] if found else None
        found.append(
            Standing(
                group.name,
                mine,
                median,
                change(against.median, median) if against else None,
                _p(against.values, mine) if against else None,
            )
        )
    return found


def _p(first: Sequence[float], second: Sequence[float]) -> float | None:
    varies = len(set(first)) > 1 or len(set(second)) > 1
    return p_value(first, second) if varies and len(first) > 1 and len(second) > 1 else None


def _fact(contest: Contest, clock: str) -> Fact:
    first = contest.standings[0]
    standings = [
        Cell(one.median, min(one.values), max(one.values), one.change, chance=_chance(first, one))
        for one in contest.standings
    ]
    column = COLUMNS[contest.fact]
    return Fact(column, unit_of(column, clock), standings)


def _chance(first: Standing, one: Standing) -> str:
    """p; "always" where every seed gives the same and the groups differ all the same."""
    if one is first:
        return ""
    if one.p is not None:
        return f"{one.p:.3f}" if one.p >= 0.001 else "<0.001"
    several = len(first.values) > 1 and len(one.values) > 1
    return "always" if several and one.median != first.median else ""


def _shown(column: Column, value: float) -> str:
    return shown(column, int(value) if value.is_integer() else value)


def _lead(groups: Sequence[Group]) -> str:
    sizes = sorted({len(group.subjects) for group in groups})
    facts = "Counts and instructions are facts of the traces, not times."
    if sizes == [1]:
        return f"{len(groups)} runs. Changes are relative to the first. {facts}"
    runs = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return (
        f"{len(groups)} group{'s' if len(groups) > 1 else ''} of {runs} runs that differ in the seed. "
        f"Changes are of the median, relative to the first group. {facts}"
    )


def _notes(
    groups: Sequence[Group], every: Sequence[Contest], same: Sequence[Contest], clock: str
) -> list[str]:
    notes = []
    if same:
        told = [f"{COLUMNS[one.fact].heading} {_value(one, clock)}" for one in same]
        notes.append(f"The same in every run: {', '.join(told)}.")
    if any(group.repeats for group in groups):
        repeats = sum(group.repeats for group in groups)
        notes.append(f"Counted once: {repeats} runs with the same seed and trace as another.")
    tests = sum(one.p is not None for contest in every for one in contest.standings)
    if tests:
        first, least = len(groups[0].subjects), min(len(group.subjects) for group in groups[1:])
        notes.append(
            "p: two-sided exact permutation test of the means; with this number of seeds it cannot "
            f"be below {least_p(first, least):.3f}. {tests} comparisons are made, so expect one p "
            f"below {1 / tests:.2f} by chance."
        )
    if len(groups) > 1 and any(len(group.subjects) == 1 for group in groups):
        notes.append("Groups of one run have no spread: the effect of the seed is not known.")
    return notes


def _value(contest: Contest, clock: str) -> str:
    column = COLUMNS[contest.fact]
    unit = unit_of(column, clock).removeprefix("number")
    return f"{_shown(column, contest.standings[0].median)} {unit}".rstrip()
