# SPDX-License-Identifier: GPL-2.0-only
"""What a report says about a run, before any form is given to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.kernel.caller_names import BEST_EFFORT, is_implausible, is_sure
from acceptlab.analysis.kernel.symbols import RunSymbols, symbols_of_run
from acceptlab.analysis.measure.cost import Caller, Cost, measure
from acceptlab.analysis.measure.cost_profile import Profile
from acceptlab.analysis.measure.latency.latencies import Latency
from acceptlab.analysis.measure.latency.latencies import measure as measure_latency
from acceptlab.analysis.measure.modelled_time import Modelled, Weigher, model
from acceptlab.analysis.pages.walk import Progress
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import NOT_KNOWN
from acceptlab.analysis.trace.schema import STAGE_NAMES, Kind, Stage

TOP_CALLERS = 12


@dataclass(frozen=True)
class Subject:
    """One run in a report. ``name`` is short and unique among the report's runs.

    ``modelled`` is None unless the report was given a cost profile.
    """

    name: str
    run: Run
    verdict: Verdict
    cost: Cost
    symbols: RunSymbols
    latency: Latency
    modelled: Modelled | None = None


@dataclass(frozen=True)
class CallerRow:
    """Accepts by the function that asked for them. ``best_effort``: it may have been another one."""

    stage: str
    function: str
    accepts: int
    bytes: int
    best_effort: bool = False

    @property
    def shown(self) -> str:
        """Return the function as tables show it."""
        return f"{BEST_EFFORT}{self.function}" if self.best_effort else self.function


def subject_of(
    path: Path | str,
    symbols_cache: Path | None,
    progress: Progress | None,
    profile: Profile | None = None,
) -> Subject:
    """Read a run, judge it (as this version judges, whatever verdict.json says) and count its cost.

    Raises BadInput for an unusable folder, or a profile that is for the other platform.
    """
    run = Run.open(path)
    _ = model(Cost(), profile, run.info.platform) if profile else None  # refused before the work
    run.verify_events()
    symbols = symbols_of_run(run, symbols_cache)
    verdict = judge(run, symbols=lambda: symbols, progress=progress)
    cost = measure(run, progress)
    weigh = Weigher(profile) if profile else None
    latency = measure_latency(run, symbols, weigh, progress)
    modelled = model(cost, profile, run.info.platform) if profile else None
    name = run.path.resolve().name
    return Subject(name, run, verdict, cost, symbols, latency, modelled)


def fact_rows(subject: Subject) -> list[tuple[str, str]]:
    """(label, value) of everything that is compared between runs; same labels for every run."""
    info, cost = subject.run.info, subject.cost
    kernel = info.kernel.version or info.kernel.name or "unknown"
    return [
        ("verdict", subject.verdict.verdict),
        ("platform", info.platform.upper()),
        ("kernel", kernel),
        ("series", info.series_name or "none"),
        ("memory", mib(info.machine.memory) if info.machine.memory else NOT_KNOWN),
        ("vCPUs", str(info.machine.cpus)),
        ("accept", info.machine.policy),
        ("host pages", str(info.host)),
        ("outcome", info.outcome),
        ("events", count(cost_events(subject))),
        ("accepts 2M", count(cost.count(Kind.ACCEPT, "2M"))),
        ("accepts 4K", count(cost.count(Kind.ACCEPT, "4K"))),
        ("accepts refused", count(cost.failed(Kind.ACCEPT))),
        ("conversions", count(cost.count(Kind.CONVERT))),
        ("faults, fatal exits", count(cost.count(Kind.FAULT) + cost.count(Kind.STOP))),
        ("accepted at boot handoff", mib(cost.launched)),
        ("before userspace", before_userspace(cost)),
        ("accepted in all", mib(cost.accepted())),
        ("clock to userspace", f"{until_userspace(cost)}{_clock_unit(info.clock, cost)}"),
    ]


def caller_rows(subject: Subject) -> list[CallerRow]:
    """Accepts by stage and function, the most bytes first."""
    totals: dict[tuple[str, str, bool], list[int]] = {}
    for one in subject.cost.callers:
        key = (one.stage, *_named(subject, one))
        total = totals.setdefault(key, [0, 0])
        total[0] += one.accepts
        total[1] += one.bytes
    rows = [
        CallerRow(stage, name, accepts, size, best_effort)
        for (stage, name, best_effort), (accepts, size) in totals.items()
    ]
    return sorted(rows, key=lambda row: (-row.bytes, row.stage, row.function, row.best_effort))


def _named(subject: Subject, one: Caller) -> tuple[str, bool]:
    """Name the function that asked for accepts, and whether it may have been another one."""
    place = one.caller or one.rip
    if one.caller and is_implausible(one.how):
        return NOT_KNOWN, False
    name = subject.symbols.name_of(place, STAGE_NAMES.index(one.stage))
    if not name:
        return _unnamed(one.stage, place), False
    return name.split("+")[0], bool(one.caller) and not is_sure(one.how)


def _unnamed(stage: str, address: int) -> str:
    """The decompressor has no symbols and lies wherever it was loaded: one name for all of it."""
    return "(decompressor)" if stage.endswith("decompressor") else f"{address:#x}"


def stage_rows(subject: Subject) -> list[tuple[str, int, int, int]]:
    """(stage, clock units spent, accepts, bytes accepted) for every stage that was entered."""
    rows = []
    for stage, spent in subject.cost.spent().items():
        mine = [
            one for one in subject.cost.operations if one.kind == "accept" and one.stage == stage
        ]
        rows.append((stage, spent, sum(one.done for one in mine), sum(one.bytes for one in mine)))
    return rows


def cost_events(subject: Subject) -> int:
    """Number of events in the trace."""
    return subject.verdict.events


def before_userspace(cost: Cost) -> str:
    """Bytes that the guest accepted before its first instruction in userspace."""
    if "userspace" not in cost.stages:
        return "not reached"
    return mib(cost.accepted(before=Stage.USERSPACE))


def until_userspace(cost: Cost) -> str:
    """Clock from the first stage to userspace."""
    if "userspace" not in cost.stages:
        return "not reached"
    return count(cost.stages["userspace"] - min(cost.stages.values()))


def _clock_unit(clock: str, cost: Cost) -> str:
    if "userspace" not in cost.stages:
        return ""
    return " instr." if clock == "instructions" else " ns"


def clock_word(clock: str) -> str:
    """What the clock counts."""
    return "instructions" if clock == "instructions" else "ns"


def count(number: int) -> str:
    """12,345,678"""
    return f"{number:,}"


def mib(size: int) -> str:
    """Bytes as MiB or GiB; exact, or to one tenth."""
    if size and size % (1 << 30) == 0:
        return f"{size >> 30} GiB"
    if size % (1 << 20) == 0:
        return f"{size >> 20:,} MiB"
    return f"{size / (1 << 20):,.1f} MiB"
