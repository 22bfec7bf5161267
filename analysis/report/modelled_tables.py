# SPDX-License-Identifier: GPL-2.0-only
"""What a report says about modelled times; the word stands in every heading and caption."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.measure.cost_profile import Price
from acceptlab.analysis.measure.latency.groups import Row
from acceptlab.analysis.measure.modelled_time import Bill, Modelled
from acceptlab.analysis.report.tables import Chapter, Table, compact, seconds


def modelled_chapter(modelled: Modelled, calls: Sequence[Row]) -> Chapter:
    """The chapter on modelled times; ``calls`` are probed functions, with modelled ns."""
    profile = modelled.profile
    lead = (
        f"Modelled, not measured: the run's operations times the costs of profile {profile.name} "
        f"({profile.about}). Source: {profile.source}."
    )
    tables = [_bills(modelled)]
    if calls:
        tables.append(_calls(calls))
    notes = [price_note(price) for price in modelled.used]
    notes += [
        f"No cost for {bill.count:,} x {_what(bill)} in stage {bill.stage}: not in the sum."
        for bill in modelled.unpriced
    ]
    return Chapter(f"Modelled time ({profile.name})", lead, tables, notes)


def price_note(price: Price) -> str:
    """Where a price comes from, in a line."""
    what = f"{price.operation} {price.size}".strip()
    return f"{what}: {price.ns / 1000:g} us, {price.evidence}: {price.how}."


def _bills(modelled: Modelled) -> Table:
    rows = [
        [_what(bill), bill.stage, f"{bill.count:,}", "-" if bill.ns is None else seconds(bill.ns)]
        for bill in sorted(modelled.bills, key=lambda bill: -(bill.ns or 0))
    ]
    rows.append(["before userspace", "", "", seconds(modelled.before_userspace())])
    rows.append(["total", "", "", seconds(modelled.ns)])
    return Table("Modelled time by operation and stage", ("", "stage", "count", "modelled"), rows)


def _calls(calls: Sequence[Row]) -> Table:
    rows = [
        [
            row.operation if row.by == "" else f"  {row.value}",
            f"{row.distribution.count:,}",
            *(
                compact(value, "ns")
                for value in (
                    row.distribution.p50,
                    row.distribution.p90,
                    row.distribution.p99,
                    row.distribution.p99_9,
                    row.distribution.max,
                )
            ),
        ]
        for row in calls
        if row.by in ("", "size")
    ]
    head = ("", "calls", "p50", "p90", "p99", "p99.9", "max")
    return Table("Modelled time of each call, by bytes accepted", head, rows)


def _what(bill: Bill) -> str:
    return f"{bill.operation} {bill.size}".strip()
