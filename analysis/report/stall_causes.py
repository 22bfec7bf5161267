# SPDX-License-Identifier: GPL-2.0-only
"""Stalls by the accepts of a run, classified by the requesting functions: needs no probe and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.analysis.measure.cost_profile import Profile
from acceptlab.analysis.measure.latency.stalls import MEANING, Where, where_of
from acceptlab.analysis.report.facts import CallerRow, count, mib
from acceptlab.analysis.report.tables import Table, seconds
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE


@dataclass(frozen=True)
class HeldUp:
    """Accepts that kept one kind of waiter. ``modelled`` is ns, None without a price for all of them."""

    where: Where
    accepts: int
    bytes: int
    modelled: float | None


def held_up(callers: Sequence[CallerRow], profile: Profile | None) -> list[HeldUp]:
    """Accepts by kind of stall, most bytes first."""
    found = []
    for where in Where:
        mine = [row for row in callers if _where(row) is where]
        if mine:
            times = [_modelled(row, profile) for row in mine]
            known = [time for time in times if time is not None]
            whole = sum(known) if len(known) == len(times) else None
            accepts, size = sum(row.accepts for row in mine), sum(row.bytes for row in mine)
            found.append(HeldUp(where, accepts, size, whole))
    return sorted(found, key=lambda one: -one.bytes)


def held_up_table(rows: Sequence[HeldUp], modelled: bool) -> Table:
    """The same as a table; with a column of modelled times when there is a profile."""
    head = ["stalls", "accepts", "accepted", *(["modelled"] if modelled else [])]
    lines = []
    for one in rows:
        line = [str(one.where), count(one.accepts), mib(one.bytes)]
        if modelled:
            line.append("-" if one.modelled is None else seconds(one.modelled))
        lines.append(line)
    notes = [f"{one.where}: {MEANING[one.where]}" for one in rows]
    return Table("Stalls by accepts, by requesting function", head, lines, notes)


def _where(row: CallerRow) -> Where:
    return Where.EARLY if "decompressor" in row.stage else where_of(row.function)


def _modelled(row: CallerRow, profile: Profile | None) -> float | None:
    """Blocks of 2 MiB and 4 KiB from their number and their sum."""
    large, rest = divmod(row.bytes - row.accepts * PAGE_SIZE, UNIT_SIZE - PAGE_SIZE)
    if profile is None or rest:
        return None
    total = 0.0
    for size, number in (("2M", large), ("4K", row.accepts - large)):
        price = profile.ns("accept", size)
        if number and price is None:
            return None
        total += number * (price or 0.0)
    return total
