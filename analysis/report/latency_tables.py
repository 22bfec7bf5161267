# SPDX-License-Identifier: GPL-2.0-only
"""What a report says about measured latencies: distributions, stalls, locks and convoys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from acceptlab.analysis.measure.latency.groups import DIMENSIONS, Row
from acceptlab.analysis.measure.latency.histogram import Distribution
from acceptlab.analysis.measure.latency.latencies import Latency
from acceptlab.analysis.measure.latency.locks import LockUse
from acceptlab.analysis.measure.latency.stalls import MEANING
from acceptlab.analysis.report.tables import Chapter, Table, compact

HEADING = "Latency"
_HEAD = ("calls", "p50", "p90", "p99", "p99.9", "max")
_LISTED = {"size": 6, "stage": 4, "caller": 6, "vcpu": 4}
"""Most rows of one dimension that are shown; JSON has all."""
_BY = {"size": "by bytes accepted", "stage": "by stage", "caller": "by caller", "vcpu": "by vCPU"}


def latency_chapter(latency: Latency, source: str) -> Chapter | None:
    """The chapter on latencies; None when nothing was measured. ``source`` is run.json's."""
    if not latency.measured:
        return None
    tables = [
        _operation(name, list(rows), latency.unit) for name, rows in _operations(latency.rows)
    ]
    tables += [one for one in (_stalls(latency), _locks(latency)) if one is not None]
    return Chapter(HEADING, _lead(latency, source), tables, _notes(latency))


def _lead(latency: Latency, source: str) -> str:
    if latency.unit == "instructions":
        return (
            "Measured in instructions that the call's vCPU executed in the emulator between call "
            "and return (locks: all vCPUs): work of the kernel, not hardware time."
        )
    if source == "emulator":
        return "Measured in ns of the emulator's clock: time of the emulator, not of hardware."
    return "Measured in ns by the clock of the machine that ran the guest."


def _notes(latency: Latency) -> list[str]:
    notes = ["Percentiles are exact below 256, and within 0.8 % above."]
    if latency.lone_returns:
        notes.append(
            f"{latency.lone_returns:,} returns without a call: tasks that moved to another vCPU."
        )
    for name, number in sorted(latency.unfinished.items()):
        notes.append(f"{name}: {number:,} calls have no return in the trace.")
    return notes


def _operations(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    return [(name, list(some)) for name, some in groupby(rows, lambda row: row.operation)]


def _operation(name: str, rows: Sequence[Row], unit: str) -> Table:
    lines: list[list[str]] = []
    for by in DIMENSIONS:
        mine = [row for row in rows if row.by == by]
        if by and len(mine) < 2:
            continue  # says what the line above says
        limit = _LISTED.get(by, 1)
        lines += [[_named(row), *_cells(row.distribution, unit)] for row in mine[:limit]]
        if len(mine) > limit:
            lines.append([f"  and {len(mine) - limit} more {_BY[by]}", *[""] * len(_HEAD)])
    return Table(name, ("", *_HEAD), lines)


def _named(row: Row) -> str:
    if row.by == "":
        return "all"
    return f"  vCPU {row.value}" if row.by == "vcpu" else f"  {row.value}"


def _cells(spread: Distribution | None, unit: str) -> list[str]:
    if spread is None:
        return ["0", *["-"] * 5]
    values = (spread.p50, spread.p90, spread.p99, spread.p99_9, spread.max)
    return [f"{spread.count:,}", *(compact(value, unit) for value in values)]


def _stalls(latency: Latency) -> Table | None:
    if not latency.stalls:
        return None
    total = sum(one.time for one in latency.stalls) or 1
    rows = [
        [
            one.where,
            f"{one.calls:,}",
            f"{one.bytes >> 20:,}",
            compact(one.time, latency.unit),
            f"{100 * one.time / total:.0f}%",
            compact(one.longest, latency.unit),
        ]
        for one in latency.stalls
    ]
    head = ("stalls", "calls", "MiB", "total", "share", "longest")
    notes = [f"{one.where}: {MEANING[one.where]}" for one in latency.stalls]
    return Table("Stalls by acceptance", head, rows, notes)


def _locks(latency: Latency) -> Table | None:
    uses = [*latency.locks, *([latency.accept_waits] if latency.accept_waits else [])]
    if not uses:
        return None
    rows = [row for use in uses for row in _lock(use, latency.unit)]
    return Table("Locks, and vCPUs that wait for each other", ("", *_HEAD), rows)


def _lock(use: LockUse, unit: str) -> list[list[str]]:
    rows = []
    for name, spread in (
        ("held", use.hold),
        ("wait", use.wait),
        ("contended", use.contended),
    ):
        if use.hold is not None or name == "wait":
            rows.append([f"  {name}", *_cells(spread, unit)])
    convoys = use.convoys
    if convoys.count:
        text = (
            f"  {convoys.count:,} convoys, up to {convoys.most} vCPUs waiting at once, longest "
            f"{compact(convoys.longest, unit)}, {compact(convoys.waited, unit)} total wait"
        )
    else:
        text = "  no convoys: two vCPUs never waited at once"
    return [[f"{use.name}: taken {use.taken:,} times", *[""] * 6], *rows, [text, *[""] * 6]]
