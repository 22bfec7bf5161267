# SPDX-License-Identifier: GPL-2.0-only
"""For every invariant, falsified traces that break it, by the way in which an event is falsified."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, ConvertTo, Kind, Stage
from tests.analysis.synthetic import MIB, Guest, Records
from tests.mutation.traces import falsify
from tests.mutation.traces.trial import LAYOUT, PROBES, clean_guest

Case = tuple[Guest, Records]


def find(records: Records, kind: Kind, number: int = 0, stage: Stage | None = None) -> int:
    """The place of an event of a kind: the ``number``th (of a stage)."""
    chosen = records["kind"] == kind
    if stage is not None:
        chosen &= records["stage"] == stage
    return int(np.flatnonzero(chosen)[number])


def snp(backing: str = "2M", accept: str = "lazy") -> Case:
    guest = clean_guest("snp", backing, accept)
    return guest, guest.records()


def dropped(kind: Kind, number: int = 0, stage: Stage | None = None) -> Case:
    guest, records = snp()
    return guest, falsify.drop(records, find(records, kind, number, stage))


def duplicated(kind: Kind, number: int = 0, backing: str = "2M") -> Case:
    guest, records = snp(backing)
    return guest, falsify.duplicate(records, find(records, kind, number))


def shifted(kind: Kind, by: int, number: int = 0, stage: Stage | None = None) -> Case:
    guest, records = snp()
    return guest, falsify.shift(records, find(records, kind, number, stage), by)


def resized(kind: Kind, size: int, number: int = 0, stage: Stage | None = None) -> Case:
    guest, records = snp()
    return guest, falsify.resize(records, find(records, kind, number, stage), size)


def moved(kind: Kind, by: int, number: int = 0) -> Case:
    guest, records = snp()
    at = find(records, kind, number)
    return guest, falsify.reorder(records, at, at + by)


def accept_moved_behind_a_snapshot() -> Case:
    guest, records = snp()
    at = find(records, Kind.ACCEPT, -1, Stage.KERNEL)
    return guest, falsify.reorder(records, at, find(records, Kind.BITMAP, 1))


def launch_moved_behind_the_handoff() -> Case:
    guest, records = snp()
    at = find(records, Kind.LAUNCH, 1)
    return guest, falsify.reorder(records, at, find(records, Kind.STAGE, 1))


def two_vcpus_in_turn() -> Case:
    """Pages of a unit accepted by vCPU 1 among those that vCPU 0 accepts: two events change places."""
    guest = Guest("snp", "lazy", "4K", layout=LAYOUT, probes=PROBES)
    guest.boot()
    unit, other = LAYOUT.low + 40 * MIB, LAYOUT.low + 48 * MIB
    for start in (unit, other):
        guest.event(Kind.CONVERT, start, UNIT_SIZE, detail=ConvertTo.PRIVATE)
        guest.event(Kind.ASSIGN, start, UNIT_SIZE)
    for offset in range(0, UNIT_SIZE, PAGE_SIZE):
        guest.accept_block(unit + offset, PAGE_SIZE, vcpu=0)
        guest.accept_block(other + offset, PAGE_SIZE, vcpu=1)
    guest.bits[[20, 24]] = False
    guest.work()
    guest.end()
    records = guest.records()
    accepts = np.flatnonzero((records["kind"] == Kind.ACCEPT) & (records["gpa"] >= other))
    theirs = int(accepts[100])
    records = falsify.shift(records, theirs, unit - other)
    return guest, falsify.shift(records, theirs - 1, other - unit)


def unlock_moved_behind_an_accept() -> Case:
    guest, records = snp()
    at = find(records, Kind.PROBE_ENTER, 1)
    return guest, falsify.reorder(records, at, find(records, Kind.ACCEPT, 0, Stage.USERSPACE))


USERSPACE = Stage.USERSPACE
CASES: dict[tuple[str, str], Callable[[], Case]] = {
    ("I1", "drop"): lambda: dropped(Kind.RAM, 1),
    ("I1", "shift"): lambda: shifted(Kind.ACCEPT, LAYOUT.top, -1),
    ("I1", "resize"): lambda: resized(Kind.ACCEPT, LAYOUT.top, -1),
    ("I2", "duplicate"): lambda: duplicated(Kind.ACCEPT, 3),
    ("I2", "shift"): lambda: shifted(Kind.ACCEPT, -UNIT_SIZE, -1),
    ("I2", "resize"): lambda: resized(Kind.ACCEPT, 2 * UNIT_SIZE, 2),
    ("I3", "drop"): lambda: dropped(Kind.ASSIGN, -1),
    ("I3", "duplicate"): lambda: duplicated(Kind.RESCIND),
    ("I3", "reorder"): lambda: moved(Kind.ASSIGN, 1, -1),
    ("I3", "shift"): lambda: shifted(Kind.RESCIND, 32 * PAGE_SIZE),
    ("I3", "resize"): lambda: resized(Kind.ASSIGN, PAGE_SIZE, -1),
    ("I4", "drop"): lambda: dropped(Kind.ACCEPT, -1),
    ("I4", "reorder"): accept_moved_behind_a_snapshot,
    ("I4", "shift"): lambda: shifted(Kind.ACCEPT, UNIT_SIZE, -1),
    ("I4", "resize"): lambda: resized(Kind.ACCEPT, PAGE_SIZE, -1),
    ("I5", "drop"): lambda: dropped(Kind.ACCEPT, -1, USERSPACE),
    ("I5", "shift"): lambda: shifted(Kind.ACCEPT, 8 * UNIT_SIZE, -1, USERSPACE),
    ("I5", "resize"): lambda: resized(Kind.ACCEPT, PAGE_SIZE, -1, USERSPACE),
    ("I6", "shift"): two_vcpus_in_turn,
    ("I7", "duplicate"): lambda: duplicated(Kind.ACCEPT, 2, "4K"),
    ("I8", "drop"): lambda: dropped(Kind.PROBE_ENTER, 1),
    ("I8", "reorder"): unlock_moved_behind_an_accept,
    ("I8", "shift"): lambda: shifted(Kind.PROBE_ENTER, 64, 1),
    ("I9", "drop"): lambda: dropped(Kind.LAUNCH, 1),
    ("I9", "reorder"): launch_moved_behind_the_handoff,
    ("I9", "shift"): lambda: shifted(Kind.LAUNCH, 4 * UNIT_SIZE, 1),
    ("I9", "resize"): lambda: resized(Kind.LAUNCH, UNIT_SIZE, 1),
    ("I10", "resize"): lambda: resized(Kind.ACCEPT, 32 * MIB, 2),
}
