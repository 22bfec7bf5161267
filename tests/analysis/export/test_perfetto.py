# SPDX-License-Identifier: GPL-2.0-only
"""The timeline is a valid trace of Perfetto's with everything on its track."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

from acceptlab.analysis.export.function_names import FunctionNames
from acceptlab.analysis.export.perfetto import write_perfetto
from acceptlab.analysis.invariants.i08_lock import LOCK, UNLOCK
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace import events as event_file
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import PAGE_SIZE, CallerHow, ConvertTo, Kind
from tests.analysis.readers.samples import FTRACE, read
from tests.analysis.synthetic import MIB, Guest, booted

NAMES = FunctionNames(lambda address, stage: f"f{address:x}+0x4")
BEGIN, END = TrackEvent.TYPE_SLICE_BEGIN, TrackEvent.TYPE_SLICE_END


class Timeline:
    """A parsed export: events of a track by its name."""

    def __init__(self, path: Path) -> None:
        trace = Trace.FromString(path.read_bytes())
        self.packets = list(trace.packet)
        descriptors = [
            one.track_descriptor for one in self.packets if one.HasField("track_descriptor")
        ]
        self.names = {one.uuid: one.name or one.process.process_name for one in descriptors}
        self.children = {one.uuid for one in descriptors if one.parent_uuid}

    def on(self, name: str) -> list[Any]:
        """(timestamp, event) of a track, in the order of the file."""
        return [
            (one.timestamp, one.track_event)
            for one in self.packets
            if one.HasField("track_event") and self.names[one.track_event.track_uuid] == name
        ]

    def slices(self, name: str) -> list[tuple[int, int, str]]:
        """(start, end, name) of a track that nests nothing."""
        events = self.on(name)
        assert [event.type for _, event in events] == [BEGIN, END] * (len(events) // 2)
        pairs = zip(events[::2], events[1::2], strict=True)
        return [(start, end, event.name) for (start, event), (end, _) in pairs]


def exported(guest: Guest, folder: Path, **changes: Any) -> Timeline:
    run = Run.open(guest.write(folder / "run", **changes))
    write_perfetto(run.info, EventFile(run.events_path), folder / "x.pftrace", NAMES)
    return Timeline(folder / "x.pftrace")


@pytest.fixture
def timeline(tmp_path: Path) -> Timeline:
    return exported(booted(), tmp_path)


def test_every_vcpu_and_the_stages_have_a_track(timeline: Timeline) -> None:
    assert {"accepted memory", "stage", "vCPU 0", "vCPU 0 conversions", "vCPU 1"} <= set(
        timeline.names.values()
    )
    assert len(timeline.children) == len(timeline.names) - 1
    stages = timeline.slices("stage")
    assert [name for _, _, name in stages] == ["decompressor", "kernel", "userspace"]
    assert all(end == begin for (_, end, _), (begin, _, _) in pairwise(stages))


def test_instructions_are_not_sold_as_time(timeline: Timeline, tmp_path: Path) -> None:
    guest = min(timeline.names.values(), key=lambda name: "guest" not in name)
    assert guest == "SNP guest, synthetic (1 ns shown is 1 instruction)"
    in_ns = exported(booted(), tmp_path / "ns", clock="ns")
    assert "SNP guest, synthetic" in in_ns.names.values()


@pytest.mark.parametrize("batch", [50, 1 << 18])
def test_no_accepted_byte_is_lost(
    batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_file.EventFile.batches, "__defaults__", (event_file.COLUMNS, batch))
    guest = booted(backing="4K")
    records = guest.records()
    timeline = exported(guest, tmp_path)
    for vcpu in (0, 1):
        shown = [event for _, event in timeline.on(f"vCPU {vcpu}") if event.type == BEGIN]
        sizes = [{one.name: one.uint_value for one in event.debug_annotations} for event in shown]
        mine = records[(records["kind"] == Kind.ACCEPT) & (records["vcpu"] == vcpu)]
        assert sum(one["size"] for one in sizes) == int(mine["size"].sum())
        assert sum(one["accepts"] for one in sizes) == len(mine)
        assert len(shown) < len(mine) / 20


def test_accepts_that_are_apart_are_slices_of_their_own(tmp_path: Path) -> None:
    guest = Guest()
    start = guest.layout.low
    for gpa in (start, start + PAGE_SIZE, start + 5 * PAGE_SIZE):
        guest.accept_block(gpa, PAGE_SIZE)
    shown = [event for _, event in exported(guest, tmp_path).on("vCPU 0") if event.type == BEGIN]
    sizes = [
        one.uint_value for event in shown for one in event.debug_annotations if one.name == "size"
    ]
    assert sizes == [2 * PAGE_SIZE, PAGE_SIZE]


def test_the_counter_ends_at_what_was_accepted(timeline: Timeline) -> None:
    values = [event.counter_value for _, event in timeline.on("accepted memory")]
    guest = booted()
    given_back = 2 * PAGE_SIZE
    unaccepted = int(guest.bits.sum()) * 2 * MIB
    ram = sum(size for _, size in guest.layout.ram)
    assert values[-1] == ram - unaccepted - given_back


def test_what_goes_wrong_is_an_instant(tmp_path: Path) -> None:
    guest = booted()
    guest.rows.pop()
    guest.event(Kind.FAULT, 0x5000, 1, detail=0x101, vcpu=1)
    guest.event(Kind.END, detail=len(guest.rows))
    (fault,) = [
        event
        for _, event in exported(guest, tmp_path).on("vCPU 1")
        if event.type == TrackEvent.TYPE_INSTANT
    ]
    assert fault.name == "fault"
    assert "0x5000" in {one.string_value for one in fault.debug_annotations}


def test_a_measured_duration_is_the_length_of_the_slice(tmp_path: Path) -> None:
    read(FTRACE.encode(), tmp_path)
    run = Run.open(booted().write(tmp_path / "run"))
    write_perfetto(run.info, EventFile(tmp_path / "events.parquet"), tmp_path / "x.pftrace", NAMES)
    ((start, end, name),) = Timeline(tmp_path / "x.pftrace").slices("vCPU 0")
    assert (start, end, name) == (123457000, 123557000, "accept 0x600000 bytes")


def test_a_refused_accept_says_so(tmp_path: Path) -> None:
    guest = booted(backing="4K", platform="tdx")
    shown = [event for _, event in exported(guest, tmp_path).on("vCPU 0")]
    names = {event.name for event in shown if event.type == BEGIN}
    assert names == {"accept 2M refused", "accept 4K"}


def test_accepts_and_conversions_have_their_functions(tmp_path: Path) -> None:
    guest = Guest()
    how = int(CallerHow.BY_SCAN)
    for kind, detail in ((Kind.ACCEPT, 0), (Kind.CONVERT, int(ConvertTo.SHARED))):
        for page in range(3):
            guest.event(
                kind, 0x1000 * page, PAGE_SIZE, detail=detail, rip=0x10, caller=0x20, how=how
            )
        guest.event(kind, 0x3000, PAGE_SIZE, detail=detail, rip=0x10, caller=0x30, how=how)
    shown = exported(guest, tmp_path)
    for track, name, count in (
        ("vCPU 0", "accept 4K", "accepts"),
        ("vCPU 0 conversions", "convert 4K to shared", "converts"),
    ):
        found = [
            {"name": event.name}
            | {one.name: one.string_value or one.uint_value for one in event.debug_annotations}
            for _, event in shown.on(track)
            if event.type == BEGIN
        ]
        assert [(one["name"], one[count], one["function"], one["caller"]) for one in found] == [
            (name, 3, "f10", "~f20"), (name, 1, "f10", "~f30"),
        ]  # fmt: skip


def test_probed_calls_nest_and_waits_have_the_name_of_the_lock(tmp_path: Path) -> None:
    guest = Guest(probes=("accept_memory", "unaccepted_memory_lock", LOCK[0], UNLOCK[0]))
    lock = guest.info().probes[1].address
    for kind, probe, first in (
        (Kind.PROBE_RETURN, 0, 0),  # its entry was before the trace
        (Kind.PROBE_ENTER, 0, 0x1000), (Kind.PROBE_ENTER, 2, lock), (Kind.PROBE_RETURN, 2, 0),
        (Kind.PROBE_ENTER, 3, lock), (Kind.PROBE_RETURN, 3, 0), (Kind.PROBE_RETURN, 0, 0),
        (Kind.PROBE_ENTER, 0, 0x2000), (Kind.PROBE_ENTER, 2, 0x77),  # neither returns
    ):  # fmt: skip
        guest.event(kind, first, 0, detail=probe, caller=0x20, how=int(CallerHow.EXACT))
    events = exported(guest, tmp_path, report={}).on("vCPU 0 calls")
    assert [(event.type, event.name) for _, event in events] == [
        (BEGIN, "accept_memory"), (BEGIN, "wait for unaccepted_memory_lock"), (END, ""),
        (BEGIN, "release unaccepted_memory_lock"), (END, ""), (END, ""),
        (BEGIN, "accept_memory"), (BEGIN, "wait for 0x77"), (END, ""), (END, ""),
    ]  # fmt: skip
    about = {one.name: one.string_value for one in events[0][1].debug_annotations}
    assert about["caller"] == "f20"
