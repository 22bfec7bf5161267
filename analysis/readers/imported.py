# SPDX-License-Identifier: GPL-2.0-only
"""From a recorded file to events.parquet, and what run.json has to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.absent import BLOCKS, EARLY, HAND_OVER, OUTSIDE_THE_GUEST, PAGE_STATES, RESULTS
from analysis.event_writer import EventWriter, StreamSummary
from analysis.readers.damage import Damaged
from analysis.readers.detect import Reader
from analysis.readers.opened import Opened
from analysis.readers.recorder import Recorder
from analysis.run_info import Probe
from analysis.schema import Kind, Stage, label

_NEVER_SEEN_INSIDE = {EARLY, HAND_OVER, BLOCKS, RESULTS, *OUTSIDE_THE_GUEST}
_ALWAYS_THERE = {Kind.RAM, Kind.LAUNCH, Kind.END}


@dataclass(frozen=True)
class Imported:
    """What came of an import. ``absent`` is as run.json has it, ``stage`` that of the last event."""

    events: StreamSummary
    source: str
    clock_unit: str
    platform: str | None
    vcpus: int
    probes: tuple[Probe, ...]
    kinds: frozenset[Kind]
    stage: Stage
    absent: tuple[str, ...]


def import_events(source: Opened, reader: Reader, parquet: Path) -> Imported:
    """Read ``source`` by ``reader`` into ``parquet``.

    Damage does not stop it: what can be read is kept, and ``events.problem`` says where it ends. Raises
    BadInput when ``parquet`` cannot be written.
    """
    with EventWriter(parquet) as writer:
        recorder = Recorder(writer.write)
        try:
            reader.read(source, recorder)
        except Damaged as damage:
            recorder.problem = str(damage)
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
    )


def _absent(recorder: Recorder) -> tuple[str, ...]:
    """What the trace cannot show. Whatever was not seen in a guest may just not have been recorded."""
    if recorder.source == "emulator":
        return ("bitmap", PAGE_STATES)  # the snapshots are files beside the stream
    unseen = {label(kind) for kind in Kind if kind not in recorder.kinds | _ALWAYS_THERE}
    return tuple(sorted((unseen | _NEVER_SEEN_INSIDE) - recorder.shows))
