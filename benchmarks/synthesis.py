# SPDX-License-Identifier: GPL-2.0-only
"""Run folders of any size without a boot: an SNP guest that accepts all memory above 4 GiB, on a host that maps 4K pages.

Each unit of 2 MiB takes the events that it takes in a recorded run with `--host-backing 4K --host-assign advance`: the guest converts
it, PVALIDATE of 2 MiB answers FAIL_SIZEMISMATCH, and 512 pages are accepted one by one. So 64 GiB are 16.8 million events and 1 TiB
is 269 million.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from acceptlab.analysis.run.platform import SNP
from acceptlab.analysis.run.run_folder import write_run_json
from acceptlab.analysis.run.run_info import EventsInfo, Handoff, Machine, RunInfo
from acceptlab.analysis.trace.event_writer import EventWriter, Records, to_table
from acceptlab.analysis.trace.schema import (
    NO_CARRY,
    PAGE_SIZE,
    PAGES_PER_UNIT,
    RAW_DTYPE,
    UNIT_SIZE,
    ConvertTo,
    Kind,
    Stage,
)
from acceptlab.toolkit.progress import step

LOW = 4 << 30
"""Bytes that firmware has accepted."""
EVENTS_PER_UNIT = PAGES_PER_UNIT + 2
UNITS_PER_GIB = (1 << 30) // UNIT_SIZE
_UNITS_AT_ONCE = 2000
_SIZE_MISMATCH = 6
_CLOCK_PER_EVENT = 37
_LEGACY, _LEGACY_END = 0xA0000, 1 << 20
"""End of conventional memory, and where RAM goes on behind the holes of a PC; bytes."""
_RIP, _CALLER = 0xFFFFFFFF81234567, 0xFFFFFFFF81230000


def write_run(folder: Path, gib: int) -> int:
    """Write the run of a guest that accepts `gib` GiB into `folder`, which is there already, and return its number of events."""
    units = gib * UNITS_PER_GIB
    events = units * EVENTS_PER_UNIT + len(_first(LOW)) + len(_last(0))
    with (
        EventWriter(folder / "events.parquet") as writer,
        step(f"writing {events:,} events") as progress,
    ):
        for records in _all_records(units):
            writer.write_table(to_table(records))
            progress.update(writer.events, events, f"{writer.events:,} of {events:,}")
        summary = writer.finish(None)
    top = LOW + units * UNIT_SIZE
    info = RunInfo(
        platform=SNP.name,
        clock="instructions",
        outcome="userspace",
        machine=Machine(top, 1, "eager"),
        handoff=Handoff(
            ((0, _LEGACY), (_LEGACY_END, top - _LEGACY_END)),
            ((0, _LEGACY), (_LEGACY_END, LOW - _LEGACY_END)),
            unaccepted=((LOW, top - LOW),),
        ),
        events=EventsInfo(summary.events, True, None, summary.sha256),
    )  # fmt: skip
    write_run_json(folder, info)
    return events


def _all_records(units: int) -> Iterator[Records]:
    first = _first(LOW + units * UNIT_SIZE)
    yield first
    for start in range(0, units, _UNITS_AT_ONCE):
        count = min(_UNITS_AT_ONCE, units - start)
        yield _of_units(start, count, len(first) + start * EVENTS_PER_UNIT)
    yield _last(len(first) + units * EVENTS_PER_UNIT)


def _first(top: int) -> Records:
    """RAM without the legacy hole, what firmware accepted of it, and the stages up to the kernel."""
    records = _blank(7, 0)
    records["kind"] = (
        Kind.RAM,
        Kind.RAM,
        Kind.LAUNCH,
        Kind.LAUNCH,
        Kind.ASSIGN,
        Kind.STAGE,
        Kind.STAGE,
    )
    records["gpa"][:5] = 0, _LEGACY_END, 0, _LEGACY_END, LOW
    records["size"][:5] = _LEGACY, top - _LEGACY_END, _LEGACY, LOW - _LEGACY_END, top - LOW
    records["detail"][5:] = Stage.DECOMPRESSOR, Stage.KERNEL
    records["stage"] = [Stage.FIRMWARE] * 6 + [Stage.DECOMPRESSOR]
    return records


def _last(seq: int) -> Records:
    """Userspace, and the end."""
    records = _blank(2, seq)
    records["kind"] = Kind.STAGE, Kind.END
    records["detail"] = Stage.USERSPACE, seq + 1
    records["stage"][1] = Stage.USERSPACE
    return records


def _of_units(start: int, count: int, seq: int) -> Records:
    records = _blank(count * EVENTS_PER_UNIT, seq)
    rows = records.reshape(count, EVENTS_PER_UNIT)
    gpa = LOW + (start + np.arange(count, dtype=np.uint64)) * np.uint64(UNIT_SIZE)
    rows["gpa"], rows["size"] = gpa[:, np.newaxis], UNIT_SIZE
    rows["kind"][:, 0], rows["detail"][:, 0] = Kind.CONVERT, ConvertTo.PRIVATE
    rows["kind"][:, 1:], rows["carry"][:, 1:] = Kind.ACCEPT, 0
    rows["result"][:, 1] = _SIZE_MISMATCH
    pages = rows[:, 2:]
    pages["gpa"] += np.arange(PAGES_PER_UNIT, dtype=np.uint64) * np.uint64(PAGE_SIZE)
    pages["size"] = PAGE_SIZE
    records["rip"], records["caller"] = _RIP, _CALLER
    return records


def _blank(count: int, seq: int) -> Records:
    records = np.zeros(count, RAW_DTYPE)
    records["seq"] = np.arange(seq, seq + count)
    records["clock"] = records["seq"] * np.uint64(_CLOCK_PER_EVENT)
    records["stage"], records["carry"] = Stage.KERNEL, NO_CARRY
    return records
