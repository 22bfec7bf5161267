# SPDX-License-Identifier: GPL-2.0-only
"""A timeline in Perfetto's format, which its viewer (ui.perfetto.dev) opens.

A track per vCPU with accepts as slices, each with its requesting function, and what went wrong as instants; where there are
any, one of its conversions, and one of probed calls, among them waits for locks; a track of stages, and a counter of accepted memory. The viewer knows nanoseconds only: a clock of instructions is shown as if one took 1 ns, and says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import (
    CounterDescriptor,
    TracePacket,
    TrackEvent,
)
from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder

from acceptlab.analysis.export.call_slices import CallEdge, CallTracks
from acceptlab.analysis.export.export_progress import Progress
from acceptlab.analysis.export.function_names import FunctionNames
from acceptlab.analysis.export.slices import Slice, slices
from acceptlab.analysis.files import written_beside
from acceptlab.analysis.pages.transitions import Op, ops_of
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.schema import (
    NO_CARRY,
    PAGE_SIZE,
    UNIT_SIZE,
    Attack,
    Kind,
    Stage,
    StopReason,
    label,
)

_INSTANTS = (
    Kind.FAULT,
    Kind.STOP,
    Kind.DMA_REFUSED,
    Kind.CIPHERTEXT,
    Kind.ATTACK,
    Kind.TERMINATE,
    Kind.AP_START,
    Kind.BITMAP,
    Kind.PLUG,
    Kind.UNPLUG,
)
_GUEST, _STAGES, _ACCEPTED, _FIRST_VCPU = 1, 2, 3, 16
_ON_VCPU = ("", " conversions", " calls")
"""The tracks of a vCPU."""
_OPERATIONS, _CONVERSIONS, _CALLS = range(3)
_TO = {1: "private", 2: "shared"}
"""Bits 7..0 of the detail of a conversion (schema.ConvertTo)."""
_SEQUENCE = 1
_PID = 1
_COUNTER_STEP = 1 << 10
"""Clock units: changes that follow each other faster are counted together."""
_SLICED = (Kind.ACCEPT, Kind.CONVERT)
_SIZES = {PAGE_SIZE: "4K", UNIT_SIZE: "2M"}


def write_perfetto(
    info: RunInfo,
    events: EventFile,
    path: Path,
    names: FunctionNames,
    progress: Progress | None = None,
) -> None:
    """Write ``path``; raises BadInput when that fails, or when ``events`` is damaged."""
    with written_beside(path) as beside, beside.open("wb") as file:
        timeline = _Timeline(StreamingTraceProtoBuilder(file), info, names)
        for batch in events.batches():
            timeline.add(batch)
            if progress is not None:
                progress(batch.start + len(batch), events.events)
        timeline.end()


class _Timeline:
    """Turns batches of events into packets."""

    def __init__(self, builder: Any, info: RunInfo, names: FunctionNames) -> None:
        self._builder = builder
        self._names = names
        self._calls = CallTracks(info)
        self._tracks: set[int] = set()
        self._accepted = 0
        self._clock = 0
        self._in_stage = False
        unit = "" if info.clock == "ns" else " (1 ns shown is 1 instruction)"
        about = f"{info.platform.upper()} guest, {info.kernel.name or 'kernel not known'}{unit}"
        guest = self._packet()
        guest.sequence_flags = TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        guest.track_descriptor.uuid = _GUEST
        guest.track_descriptor.process.pid = _PID
        guest.track_descriptor.process.process_name = about
        self._builder.write_packet(guest)
        self._track(_STAGES, "stage")
        self._track(_ACCEPTED, "accepted memory", counter=True)

    def add(self, batch: Batch) -> None:
        """All of a batch that is shown, in order of time."""
        instants = np.flatnonzero(np.isin(batch["kind"], [*_INSTANTS, Kind.STAGE]))
        shown: list[tuple[int, int | Slice | CallEdge]] = [
            (int(batch["clock"][at]), int(at)) for at in instants
        ]
        shown += [(one.start, one) for kind in _SLICED for one in slices(batch, kind)]
        shown += [(edge.clock, edge) for edge in self._calls.edges(batch)]
        for _, one in sorted(shown, key=lambda pair: pair[0]):
            if isinstance(one, Slice):
                self._slice(batch, one)
            elif isinstance(one, CallEdge):
                self._call(batch, one)
            elif batch["kind"][one] == Kind.STAGE:
                self._stage(int(batch["clock"][one]), int(batch["detail"][one]))
            else:
                self._instant(batch, one)
        self._count(batch)
        self._clock = int(batch["clock"][-1])

    def end(self) -> None:
        """Close what is open."""
        for edge in self._calls.end(self._clock):
            self._event(edge.clock, self._track_of(edge.vcpu, _CALLS), TrackEvent.TYPE_SLICE_END)
        if self._in_stage:
            self._event(self._clock, _STAGES, TrackEvent.TYPE_SLICE_END)

    def _packet(self) -> Any:
        packet = self._builder.create_packet()
        packet.trusted_packet_sequence_id = _SEQUENCE
        return packet

    def _track(self, uuid: int, name: str, counter: bool = False) -> None:
        packet = self._packet()
        packet.track_descriptor.uuid = uuid
        packet.track_descriptor.parent_uuid = _GUEST
        packet.track_descriptor.name = name
        if counter:
            packet.track_descriptor.counter.unit = CounterDescriptor.UNIT_SIZE_BYTES
        self._builder.write_packet(packet)

    def _track_of(self, vcpu: int, which: int = _OPERATIONS) -> int:
        uuid = _FIRST_VCPU + len(_ON_VCPU) * vcpu + which
        if uuid not in self._tracks:
            self._tracks.add(uuid)
            self._track(uuid, f"vCPU {vcpu}{_ON_VCPU[which]}")
        return uuid

    def _event(self, clock: int, track: int, kind: int, name: str = "", **about: int | str) -> None:
        packet = self._packet()
        packet.timestamp = clock
        packet.track_event.track_uuid = track
        packet.track_event.type = kind
        if name:
            packet.track_event.name = name
        for key, value in about.items():
            annotation = packet.track_event.debug_annotations.add()
            annotation.name = key
            if isinstance(value, str):
                annotation.string_value = value
            else:
                annotation.uint_value = value
        self._builder.write_packet(packet)

    def _slice(self, batch: Batch, one: Slice) -> None:
        """Accepts or conversions, with the functions that they come from."""
        kind = Kind(int(batch["kind"][one.at]))
        about: dict[str, int | str] = {
            "gpa": f"{one.gpa:#x}", "size": one.size, f"{label(kind)}s": one.accepts,
            "result": f"{one.result:#x}", "seq": one.first, **self._functions(batch, one.at),
        }  # fmt: skip
        if one.carry != NO_CARRY:
            about["carry"] = one.carry
        each = _SIZES.get(one.size // one.accepts, f"{one.size // one.accepts:#x} bytes")
        refused = "" if one.result == 0 and one.carry != 1 else " refused"
        to = f" to {_TO.get(one.detail & 0xFF, 'unknown')}" if kind is Kind.CONVERT else ""
        track = self._track_of(one.vcpu, _CONVERSIONS if kind is Kind.CONVERT else _OPERATIONS)
        name = f"{label(kind)} {each}{to}{refused}"
        self._event(one.start, track, TrackEvent.TYPE_SLICE_BEGIN, name, **about)
        self._event(one.end, track, TrackEvent.TYPE_SLICE_END)

    def _call(self, batch: Batch, edge: CallEdge) -> None:
        track = self._track_of(edge.vcpu, _CALLS)
        if not edge.name:
            self._event(edge.clock, track, TrackEvent.TYPE_SLICE_END)
            return
        about: dict[str, int | str] = {key: f"{value:#x}" for key, value in edge.arguments}
        about |= self._functions(batch, edge.at) | {"seq": int(batch["seq"][edge.at])}
        self._event(edge.clock, track, TrackEvent.TYPE_SLICE_BEGIN, edge.name, **about)

    def _functions(self, batch: Batch, at: int) -> dict[str, str]:
        """The function of an event and the one that requested it, as far as they have names."""
        stage = int(batch["stage"][at])
        found = {
            "function": self._names.at(int(batch["rip"][at]), stage),
            "caller": self._names.caller(
                int(batch["caller"][at]), int(batch["caller_how"][at]), stage
            ),
        }
        return {key: name for key, name in found.items() if name}

    def _stage(self, clock: int, stage: int) -> None:
        if self._in_stage:
            self._event(clock, _STAGES, TrackEvent.TYPE_SLICE_END)
        self._event(clock, _STAGES, TrackEvent.TYPE_SLICE_BEGIN, label(Stage(stage)))
        self._in_stage = True

    def _instant(self, batch: Batch, at: int) -> None:
        kind, detail = Kind(int(batch["kind"][at])), int(batch["detail"][at])
        name, result = label(kind), int(batch["result"][at])
        if kind == Kind.ATTACK and detail in set(Attack):
            name += f" {label(Attack(detail))}"
        elif kind == Kind.STOP and result in set(StopReason):
            name += f" {label(StopReason(result))}"
        about = {key: f"{int(batch[key][at]):#x}" for key in ("gpa", "size", "detail", "rip")}
        seq, track = int(batch["seq"][at]), self._track_of(int(batch["vcpu"][at]))
        clock = int(batch["clock"][at])
        self._event(clock, track, TrackEvent.TYPE_INSTANT, name, **about, seq=seq)

    def _count(self, batch: Batch) -> None:
        """The counter behind every accept that is not followed at once by the next."""
        ops = ops_of(batch)
        size = batch["size"].astype(np.int64)
        change = np.where(np.isin(ops, [Op.ACCEPT, Op.LAUNCH]), size, 0)
        change = np.where(ops == Op.RESCIND, -size, change)
        total = self._accepted + np.cumsum(change)
        changes = np.flatnonzero(change)
        if len(changes):
            gap = np.diff(batch["clock"][changes].astype(np.int64), append=np.iinfo(np.int64).max)
            for at in changes[gap > _COUNTER_STEP].tolist():
                self._counter(int(batch["clock"][at]), max(int(total[at]), 0))
            self._accepted = int(total[-1])

    def _counter(self, clock: int, value: int) -> None:
        packet = self._packet()
        packet.timestamp = clock
        packet.track_event.track_uuid = _ACCEPTED
        packet.track_event.type = TrackEvent.TYPE_COUNTER
        packet.track_event.counter_value = value
        self._builder.write_packet(packet)
