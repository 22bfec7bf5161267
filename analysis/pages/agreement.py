# SPDX-License-Identifier: GPL-2.0-only
"""Whether run.json and the events describe the same run. If they disagree, one of them is wrong, and it is not known which.

Only what the emulator recorded is compared: it sees all of a guest, and wrote both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from acceptlab.analysis.pages.snapshots import Snapshot
from acceptlab.analysis.run.platform import PLATFORMS
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.run.typed_json import Range
from acceptlab.analysis.trace.coverage import OUTSIDE_THE_GUEST
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import KIND_NAMES, NO_CARRY, UNIT_SIZE, Kind, Stage, label

_LEGACY = 0x60000
"""Bytes between 640 KiB and 1 MiB that are no RAM of a PC."""
_EMULATOR = "emulator"
_TABLE = "unaccepted-table"
"""What run.json calls the table of unaccepted memory among firmware's data."""
Spans = list[tuple[int, int]]


class Agreement:
    """Follows the events of a run and compares them with run.json. ``problems`` gives what disagrees, as clauses."""

    def __init__(self, info: RunInfo) -> None:
        self._info = info
        self._vcpus = 0
        self._probes = 0
        self._highest_stage = 0
        self._given: dict[Kind, list[Range]] = {Kind.RAM: [], Kind.LAUNCH: []}
        self._platform = ""
        self._found: list[str] = []

    def follow(self, batch: Batch) -> None:
        """Go on with one or more events."""
        kind = batch["kind"]
        self._vcpus = max(self._vcpus, int(batch["vcpu"].max()) + 1)
        self._highest_stage = max(self._highest_stage, *batch.stages)
        if len(probed := batch.of(Kind.PROBE_ENTER, Kind.PROBE_RETURN)):
            self._probes = max(self._probes, int(batch["detail"][probed].max()) + 1)
        for place in batch.of(Kind.RAM, Kind.LAUNCH):
            span = int(batch["gpa"][place]), int(batch["size"][place])
            self._given[Kind(int(kind[place]))].append(span)
        if not self._platform:
            self._platform = _platform(batch)

    def look(self, snapshot: Snapshot) -> None:
        """Compare a snapshot of the bitmap with what run.json says of it; of the first one, the bits as well."""
        bitmap, bits = self._info.handoff.bitmap, snapshot.bits
        if bits is None:
            return
        if bitmap is None:
            self._found.append(f"snapshot {snapshot.number} has a bitmap, but run.json has none")
        elif len(bits) != bitmap.size * 8:
            self._found.append(
                f"the bitmap of snapshot {snapshot.number} has {len(bits) // 8} bytes, in run.json {bitmap.size}"
            )
        elif snapshot.number == 0 and self._info.source == _EMULATOR:
            edges = np.flatnonzero(np.diff(bits.astype(np.int8), prepend=0, append=0))
            ends = [bitmap.phys_base + edge * bitmap.unit_size for edge in edges.tolist()]
            spans = [(start, end - start) for start, end in zip(ends[::2], ends[1::2], strict=True)]
            if outside := _without(_united(spans), _united(self._info.handoff.unaccepted)):
                self._found.append(
                    f"the bitmap marks {outside[0][0]:#x} as unaccepted, but run.json does not"
                )

    def problems(self) -> Iterator[str]:
        """What disagrees, once all events have been seen."""
        yield from self._found
        info = self._info
        if info.source == "ftrace" and not set(OUTSIDE_THE_GUEST) <= set(info.absent):
            yield "run.json has events of the host from ftrace inside the guest, which cannot see them"
        if info.source != _EMULATOR:
            return
        if self._vcpus > info.machine.cpus:
            yield f"vCPU {self._vcpus - 1} has events, but run.json has {info.machine.cpus} vCPUs"
        if self._probes > len(info.probes):
            yield f"there are events of probe {self._probes - 1}, but run.json has {len(info.probes)} probes"
        if self._platform not in ("", info.platform):
            yield f"the events are of platform {self._platform}, but run.json says {info.platform}"
        yield from self._memory()

    def claims(self) -> Iterator[str]:
        """What run.json claims besides and no event shows: no reason to doubt the events, but one not to call the run clean."""
        info = self._info
        if info.source != _EMULATOR:
            return
        if info.outcome == "userspace" and self._highest_stage < Stage.USERSPACE:
            yield "run.json says that the guest reached userspace, but no event is of userspace"

    def _memory(self) -> Iterator[str]:
        handed = self._info.handoff
        ram, accepted, unaccepted, shared = (
            handed.ram, handed.accepted, handed.unaccepted, handed.shared,
        )  # fmt: skip
        for name, said, kind in (("RAM", ram, Kind.RAM), ("accepted memory", accepted, Kind.LAUNCH)):  # fmt: skip
            seen = _united(self._given[kind])
            if (seen or said) and (place := _differs(seen, _united(said))) is not None:
                yield f"events of kind {label(kind)} and run.json disagree about {name} at {place:#x}"
        whole = _united([*accepted, *unaccepted, *shared])
        if ram and whole != _united(ram):
            yield "the accepted, unaccepted and shared memory in run.json does not cover its RAM"
        both = _total(accepted) + _total(unaccepted) + _total(shared) != _total(whole_ranges(whole))
        # Firmware's memory map and the true page states are two sources: firmware may be wrong.
        if both and self._info.firmware is None:
            yield "run.json has memory that is both accepted and unaccepted"
        for blob in handed.blobs:
            if _without([(blob.start, blob.start + blob.size)], _united(ram)) and ram:
                yield f"run.json has {blob.name} at {blob.start:#x}, which is not RAM"
            if blob.name == _TABLE and handed.bitmap and blob.start != handed.bitmap.table:
                yield f"run.json has {blob.name} at {blob.start:#x}, and its bitmap in a table at {handed.bitmap.table:#x}"
        if ram and "--hole" not in self._info.reproduce:
            memory = self._info.machine.memory
            image = 0 if self._info.firmware is None else self._info.firmware.size
            # A TD has RAM there, if nothing else is.
            expected = {_LEGACY} if self._info.firmware is None else {0, _LEGACY}
            if memory + image - _total(ram) not in expected:
                yield f"run.json has {memory} bytes of memory, but {_total(ram)} bytes of RAM in it"


def _platform(batch: Batch) -> str:
    """The platform whose instructions these events are of, where they tell: an accept of one answers with a carry flag, of the other not."""
    kind = batch["kind"]
    carries = (batch["carry"] != NO_CARRY).any()
    for one in PLATFORMS.values():
        own = [KIND_NAMES.index(name) + 1 for name in one.own_kinds]
        if (one.has_carry and carries) or np.isin(kind, own).any():
            return one.name
    accepted = (kind == Kind.ACCEPT) & (batch["result"] == 0)
    without = [one.name for one in PLATFORMS.values() if not one.has_carry]
    return without[0] if without and accepted.any() else ""


def _united(ranges: Iterable[Range]) -> Spans:
    """The spans [start, end) that ranges (start, size) cover, in order."""
    spans: Spans = []
    for start, size in sorted(ranges):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], start + size))
        elif size:
            spans.append((start, start + size))
    return spans


def whole_ranges(spans: Spans) -> list[Range]:
    """Spans [start, end) as (start, size)."""
    return [(start, end - start) for start, end in spans]


def _total(ranges: Iterable[Range]) -> int:
    return sum(size for _, size in ranges)


def _without(spans: Spans, other: Spans) -> Spans:
    """What ``spans`` cover and ``other`` do not."""
    left = []
    for start, end in spans:
        for low, high in other:
            if high <= start or low >= end:
                continue
            if low > start:
                left.append((start, low))
            start = high
        if start < end:
            left.append((start, end))
    return left


def _differs(seen: Spans, said: Spans) -> int | None:
    """Where two covers differ by more than the rest of a unit: the emulator's events have whole units where firmware has parts."""
    if missing := _without(said, seen):
        return missing[0][0]
    rounded = [(start // UNIT_SIZE * UNIT_SIZE, -(-end // UNIT_SIZE) * UNIT_SIZE) for start, end in said]  # fmt: skip
    extra = _without(seen, _united(whole_ranges(rounded)))
    return extra[0][0] if extra else None
