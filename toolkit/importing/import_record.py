# SPDX-License-Identifier: GPL-2.0-only
"""run.json of an imported trace: facts from the file, facts from the user, and unknown ones."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.readers.conversion import Imported
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import (
    NOT_KNOWN,
    EventsInfo,
    Handoff,
    Kernel,
    Machine,
    RunInfo,
)
from acceptlab.analysis.run.typed_json import Range
from acceptlab.analysis.trace.coverage import HANDOFF
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import Kind, Stage
from acceptlab.toolkit.kernels import running_kernel
from acceptlab.toolkit.ranges import Range as Span
from acceptlab.toolkit.ranges import subtract

_USERSPACE = (Stage.USERSPACE, Stage.SECOND_USERSPACE)
_NOT_TOLD = "the trace does not show how the guest ended"


@dataclass(frozen=True)
class Origin:
    """Where a trace came from: the file, its format, and the command that imports it again."""

    file: Path
    format: str
    command: tuple[str, ...]


def run_json(
    imported: Imported, platform: str, parquet: Path, recorded_in: Run | None, origin: Origin
) -> RunInfo:
    """The contents of run.json. ``recorded_in`` is the run that the trace was recorded in, if that is known."""
    handoff = recorded_in.info.handoff if recorded_in else _handoff(parquet)
    absent = set(imported.absent) - ({HANDOFF} if handoff.ram else set())
    if not handoff.ram:
        absent.add(HANDOFF)
    outcome, reason = _outcome(imported, recorded_in)
    base = recorded_in.info if recorded_in else RunInfo(platform, imported.clock_unit, outcome)
    cpus = max(imported.vcpus, base.machine.cpus, 1)
    memory = base.machine.memory or sum(size for _, size in handoff.ram)
    events = imported.events
    return replace(
        base,
        platform=platform,
        clock=imported.clock_unit,
        outcome=outcome,
        reason=reason,
        source=imported.source,
        machine=replace(base.machine, cpus=cpus, memory=memory)
        if recorded_in
        else Machine(memory, cpus),
        handoff=handoff,
        probes=imported.probes or base.probes,
        events=EventsInfo(events.events, events.complete, events.problem, events.sha256),
        reproduce=shlex.join(origin.command),
        absent=tuple(sorted(absent)),
        other={
            "imported": {
                "file": str(origin.file.resolve()),
                "format": origin.format,
                **imported.notes,
            }
        },
    )


def recorded_here(info: RunInfo) -> RunInfo:
    """Return run.json with what the kernel that runs here tells: it is the one that was recorded."""
    probes = tuple(
        replace(one, arguments=running_kernel.arguments(one.name) or one.arguments)
        for one in info.probes
    )
    return replace(info, kernel=Kernel(version=running_kernel.release()), probes=probes)


def _handoff(parquet: Path) -> Handoff:
    """Memory at the kernel's first instruction, if the first events show it."""
    batch = next(EventFile(parquet).batches(("kind", "gpa", "size")), None)
    if batch is None:
        return Handoff()

    def spans(kind: Kind) -> list[Span]:
        chosen = batch["kind"] == kind
        pairs = zip(batch["gpa"][chosen].tolist(), batch["size"][chosen].tolist(), strict=True)
        return [Span(start, start + size) for start, size in pairs]

    ram, accepted = spans(Kind.RAM), spans(Kind.LAUNCH)
    return Handoff(_pairs(ram), _pairs(accepted), unaccepted=_pairs(subtract(ram, accepted)))


def _pairs(spans: list[Span]) -> tuple[Range, ...]:
    return tuple((span.start, span.size) for span in spans)


def _outcome(imported: Imported, recorded_in: Run | None) -> tuple[str, str]:
    """How the guest ended, as far as anything tells."""
    if imported.outcome is not None and imported.outcome[0] == "panic":
        return imported.outcome
    if recorded_in is not None:
        return recorded_in.info.outcome, recorded_in.info.reason
    if imported.outcome is not None:
        return imported.outcome
    if Kind.STOP in imported.kinds:
        return "stopped", "the trace has an event of kind stop"
    if Kind.TERMINATE in imported.kinds:
        return "terminated", "the trace has an event of kind terminate"
    return ("userspace", "") if imported.stage in _USERSPACE else (NOT_KNOWN, _NOT_TOLD)
