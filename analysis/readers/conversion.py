# SPDX-License-Identifier: GPL-2.0-only
"""From a recorded file to events.parquet, and what run.json has to say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.console_log import ConsoleLog
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.detect import Reader
from acceptlab.analysis.readers.ordered import OutOfOrder
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.analysis.run.run_info import Probe
from acceptlab.analysis.trace.coverage import (
    BLOCKS,
    EARLY,
    HANDOFF,
    OUTSIDE_THE_GUEST,
    PAGE_STATES,
    RESULTS,
)
from acceptlab.analysis.trace.event_writer import EventWriter, StreamSummary
from acceptlab.analysis.trace.schema import Kind, Stage, label

_NEVER_SEEN_INSIDE = {EARLY, HANDOFF, BLOCKS, RESULTS, *OUTSIDE_THE_GUEST}
_ALWAYS_THERE = {Kind.RAM, Kind.LAUNCH, Kind.END}


@dataclass(frozen=True)
class Imported:
    """What came of an import. ``absent`` is as run.json has it, ``stage`` that of the last event.

    ``refused`` says why what looks like entries was not read, ``outcome`` how the guest ended (word and reason), where the file
    tells. ``notes`` has what run.json's ``imported`` says of the reading: lines skipped, whether it was sorted.
    """

    events: StreamSummary
    source: str
    clock_unit: str
    platform: str | None
    vcpus: int
    probes: tuple[Probe, ...]
    kinds: frozenset[Kind]
    stage: Stage
    absent: tuple[str, ...]
    tells_platform: str = ""
    refused: str | None = None
    outcome: tuple[str, str] | None = None
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing of the file was recognised."""
        return not self.kinds - {Kind.END}


def import_events(source: Opened, reader: Reader, parquet: Path) -> Imported:
    """Read ``source`` by ``reader`` into ``parquet``; what a guest printed goes into a console.log beside it.

    Damage does not stop it: what can be read is kept, and ``events.problem`` says where it ends. A file that is not in order of
    time is read twice, and sorted. Raises BadInput when ``parquet`` cannot be written, OutOfOrder for a file to be sorted that cannot
    be opened again.
    """
    try:
        return read_once(source, reader, parquet)
    except OutOfOrder:
        with source.again() as again:
            return read_once(again, reader, parquet, sort=True)


def read_once(source: Opened, reader: Reader, parquet: Path, *, sort: bool = False) -> Imported:
    """Read ``source`` in one go; with ``sort``, put its entries in order of time. Raises OutOfOrder where that is needed."""
    with EventWriter(parquet) as writer, ConsoleLog(parquet.with_name("console.log")) as console:
        recorder = Recorder(writer.write, console.write)
        recorder.sorted = sort
        try:
            reader.read(source, recorder)
        except Damaged as damage:
            recorder.problem = str(damage)
        if console.is_cut:
            recorder.incomplete("the console is too long, and its end was not read")
        recorder.finish()
        summary = writer.finish(recorder.problem)
    return Imported(
        summary,
        recorder.source,
        recorder.clock_unit,
        recorder.platform,
        recorder.vcpus,
        recorder.probes,
        frozenset(recorder.kinds),
        recorder.stage,
        _absent(recorder),
        recorder.tells_platform,
        recorder.refused,
        recorder.outcome,
        _notes(recorder),
    )


def _notes(recorder: Recorder) -> dict[str, object]:
    notes: dict[str, object] = {}
    if recorder.skipped:
        notes |= {"skipped": recorder.skipped, "first_skipped": recorder.first_skipped}
    if recorder.sorted:
        notes["sorted"] = True
    return notes


def _absent(recorder: Recorder) -> tuple[str, ...]:
    """What the trace cannot show. Whatever was not seen in a guest may just not have been recorded."""
    if recorder.source == "emulator":
        return ("bitmap", PAGE_STATES)  # the snapshots are files beside the stream
    unseen = {label(kind) for kind in Kind if kind not in recorder.kinds | _ALWAYS_THERE}
    return tuple(sorted((unseen | _NEVER_SEEN_INSIDE) - recorder.shows))
