# SPDX-License-Identifier: GPL-2.0-only
"""The facts that a table of many runs can show: name, heading, unit, and how each is counted.

Counts, bytes and instructions are facts of the trace. None of them is a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acceptlab.analysis.measure.watermarks import before_watermarks
from acceptlab.analysis.trace.schema import STAGE_NAMES, Kind, Stage

if TYPE_CHECKING:
    from acceptlab.analysis.report.facts import Subject

Fact = int | str | None
"""None: this run cannot tell, as when it never reached userspace."""


@dataclass(frozen=True)
class Column:
    """One fact. `unit` is one of: word, count, bytes, clock (instructions, or ns where the run's clock is that), ns."""

    name: str
    heading: str
    unit: str
    about: str
    of: Callable[[Subject], Fact]


def _accepts(subject: Subject, stages: Sequence[str] = STAGE_NAMES) -> int:
    found = [one for one in subject.cost.operations if one.kind == "accept" and one.stage in stages]
    return sum(one.done for one in found)


def _reached(subject: Subject, fact: Callable[[], int]) -> Fact:
    return fact() if "userspace" in subject.cost.stages else None


def _to_userspace(subject: Subject) -> Fact:
    stages = subject.cost.stages
    return _reached(subject, lambda: stages["userspace"] - min(stages.values()))


def _in_decompressor(subject: Subject) -> Fact:
    return subject.cost.spent().get("decompressor")


def _before_userspace(subject: Subject) -> Fact:
    return _reached(subject, lambda: subject.cost.accepted(before=Stage.USERSPACE))


def _accepts_before(subject: Subject) -> Fact:
    before = STAGE_NAMES[: int(Stage.USERSPACE)]
    return _reached(subject, lambda: _accepts(subject, before))


_ALL = (
    Column("verdict", "verdict", "word", "verdict of the replay", lambda s: s.verdict.verdict),
    Column("outcome", "outcome", "word", "outcome of the run", lambda s: s.run.info.outcome),
    Column(
        "findings", "findings", "count", "number of broken invariants",
        lambda s: sum(one.total for one in s.verdict.findings),
    ),
    Column("events", "events", "count", "events in the trace", lambda s: s.verdict.events),
    Column("accepts", "accepts", "count", "successful accept operations", _accepts),
    Column(
        "accepts_2m", "accepts 2M", "count", "accepts of a 2 MiB block",
        lambda s: s.cost.count(Kind.ACCEPT, "2M"),
    ),
    Column(
        "accepts_4k", "accepts 4K", "count", "accepts of a 4 KiB page",
        lambda s: s.cost.count(Kind.ACCEPT, "4K"),
    ),
    Column(
        "refused", "refused", "count", "accepts that failed",
        lambda s: s.cost.failed(Kind.ACCEPT),
    ),
    Column(
        "accepts_before_userspace", "accepts before userspace", "count",
        "accept operations before the first instruction in userspace", _accepts_before,
    ),
    Column(
        "conversions", "conversions", "count", "conversions between private and shared",
        lambda s: s.cost.count(Kind.CONVERT),
    ),
    Column("faults", "faults", "count", "the guest was notified (#VC, #VE)", lambda s: s.cost.count(Kind.FAULT)),
    Column("stops", "stops", "count", "fatal exits to the host", lambda s: s.cost.count(Kind.STOP)),
    Column(
        "at_handoff", "at boot handoff", "bytes", "accepted before the kernel's first instruction",
        lambda s: s.cost.launched,
    ),
    Column(
        "before_userspace", "before userspace", "bytes",
        "accepted by the guest before its first instruction in userspace", _before_userspace,
    ),
    Column(
        "before_watermarks", "before watermarks", "bytes",
        "accepted by the guest before its zones had watermarks; needs a probe on setup_per_zone_wmarks",
        lambda s: before_watermarks(s.run),
    ),
    Column("accepted", "accepted", "bytes", "accepted by the guest", lambda s: s.cost.accepted()),
    Column(
        "to_userspace", "clock to userspace", "clock",
        "from the first stage to the first instruction in userspace", _to_userspace,
    ),
    Column(
        "longest_stall", "longest stall (clock)", "count",
        "the longest call of get_page_from_freelist (or of one of the series' `waits`) that accepted something, in instructions of its own vCPU (without a count of those, in units of the run's clock); needs a probe there",
        lambda s: s.latency.longest_stall,
    ),
    Column("decompressor", "clock in decompressor", "clock", "spent there", _in_decompressor),
)  # fmt: skip

COLUMNS = {column.name: column for column in _ALL}
DEFAULT_COLUMNS = (
    "verdict", "outcome", "accepts", "before_userspace", "accepted", "faults", "to_userspace",
)  # fmt: skip


def facts_of(subject: Subject) -> dict[str, Fact]:
    """Every fact of a run, by column name."""
    return {name: column.of(subject) for name, column in COLUMNS.items()}


def shown(column: Column, fact: Any) -> str:
    """A fact as a table shows it; "-" where the run cannot tell."""
    if fact is None:
        return "-"
    if column.unit == "word":
        return str(fact)
    if column.unit == "bytes":
        return f"{fact / (1 << 20):,.1f}".removesuffix(".0")
    if column.unit == "clock":
        return f"{fact / 1e6:,.1f}"
    if column.unit == "ns":
        return f"{fact / 1e6:,.2f}"
    return f"{fact:,}"


def unit_of(column: Column, clock: str = "") -> str:
    """The unit in which `shown` gives a fact, also where that is a plain number; "" for a word."""
    return unit_word(column, clock) or ("" if column.unit == "word" else "number")


def unit_word(column: Column, clock: str = "") -> str:
    """What stands under a heading: the unit in which `shown` gives the fact, or "". `clock` is that of all runs, "" where they differ."""
    if column.unit == "clock":
        return {"instructions": "M instr.", "ns": "ms"}.get(clock, "million")
    return {"bytes": "MiB", "ns": "ms"}.get(column.unit, "")


def common_clock(clocks: Iterable[str]) -> str:
    """The clock of all runs, "" where they differ."""
    found = set(clocks)
    return found.pop() if len(found) == 1 else ""
