# SPDX-License-Identifier: GPL-2.0-only
"""The life of single pages: every event that touched them, found in one more pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.records import record
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.prefetch import one_ahead
from acceptlab.analysis.trace.schema import (
    KIND_NAMES,
    NO_CARRY,
    ON_MEMORY,
    PAGE_SIZE,
    STAGE_NAMES,
    Kind,
)

KEPT = 24
"""Events kept per page: the first few and the latest."""
KEPT_FIRST = 6
_MANY = 1000
_PAGE = ~np.uint64(PAGE_SIZE - 1)

_COLUMNS = (
    "seq",
    "clock",
    "vcpu",
    "stage",
    "kind",
    "gpa",
    "size",
    "result",
    "carry",
    "rip",
    "caller",
    "detail",
    "caller_how",
)
_CALLER = ("rip", "caller", "caller_how")

_SHOWN = tuple(name for name in _COLUMNS if name not in ("carry", "caller", "caller_how"))

Event = dict[str, Any]
Pages = npt.NDArray[np.uint64]


class _Life:
    """The first and the latest events of one page."""

    def __init__(self) -> None:
        self.first: list[Event] = []
        self.latest: list[Event] = []

    def add(self, event: Event) -> None:
        if len(self.first) < KEPT_FIRST:
            self.first.append(event)
            return
        self.latest.append(event)
        if len(self.latest) > KEPT - KEPT_FIRST:
            self.latest.pop(0)


@record(frozen=True)
class Lookup:
    """``pages``: events by address asked for, oldest first. ``callers``: (rip, caller, how it was found) by seq."""

    pages: dict[int, list[Event]]
    callers: dict[int, tuple[int, int, int]]


def look_up(events: EventFile, addresses: Iterable[int], seqs: Iterable[int]) -> Lookup:
    """Events that touched the page of each address, and who caused the events ``seqs``.

    At most ``KEPT`` events per page. Probes and marks are left out: they carry no guest
    physical address. One pass over a few columns of the file, none if nothing is asked for; what
    is around the events that it finds is read whole.
    """
    asked = list(addresses)
    wanted = np.array(sorted({one & int(_PAGE) for one in asked}), dtype=np.uint64)
    wanted_seqs = np.array(sorted(set(seqs)), dtype=np.uint64)
    lives = {int(one): _Life() for one in wanted}
    callers: dict[int, tuple[int, int, int]] = {}
    if len(wanted) or len(wanted_seqs):
        groups = _groups(events, wanted, wanted_seqs)
        for batch in one_ahead(events.batches_of(groups, _COLUMNS)):
            if len(wanted):
                _scan(batch, wanted, lives)
            for position in np.flatnonzero(np.isin(batch["seq"], wanted_seqs)).tolist():
                seq = int(batch["seq"][position])
                rip, caller, how = (batch[name][position] for name in _CALLER)
                callers[seq] = (int(rip), int(caller), int(how))
    pages = {one: lives[one & int(_PAGE)] for one in asked}
    return Lookup({one: life.first + life.latest for one, life in pages.items()}, callers)


def _groups(events: EventFile, wanted: Pages, seqs: npt.NDArray[np.uint64]) -> set[int]:
    """The row groups of the file that hold something to look at."""
    groups: set[int] = set()
    for batch in one_ahead(events.batches(("seq", "kind", "gpa", "size"))):
        if len(wanted):
            groups |= events.groups_of(batch.start + _hits(batch, wanted))
        if len(seqs):
            groups |= events.groups_of(batch.start + np.flatnonzero(np.isin(batch["seq"], seqs)))
    return groups


def _scan(batch: Batch, wanted: Pages, lives: dict[int, _Life]) -> None:
    gpa, end = batch["gpa"] & _PAGE, _ends(batch["gpa"], batch["size"])
    hits = _hits(batch, wanted)
    place = np.searchsorted(wanted, gpa[hits])
    for position in _few(hits, place):
        event = event_at(batch, int(position))
        inside = (wanted >= gpa[position]) & (wanted < end[position])
        for address in wanted[inside]:
            lives[int(address)].add(event)


def _hits(batch: Batch, wanted: Pages) -> npt.NDArray[np.intp]:
    """Positions of the events that touch one of the pages, which are sorted."""
    near = batch["gpa"] <= wanted[-1] | ~_PAGE
    near &= ON_MEMORY[batch["kind"]]
    near &= (batch["gpa"] >= wanted[0] - min(wanted[0], ~_PAGE)) | ~batch.page_sized
    near = np.flatnonzero(near)
    kind = batch["kind"][near]
    gpa, end = batch["gpa"][near] & _PAGE, _ends(batch["gpa"][near], batch["size"][near])
    place = np.minimum(np.searchsorted(wanted, gpa), len(wanted) - 1)
    hit = (wanted[place] >= gpa) & (wanted[place] < end)
    hit &= (kind != Kind.ATTACK) | (batch["size"][near] > 0)
    return np.asarray(near[hit])


def _ends(gpa: Pages, size: Pages) -> Pages:
    """Where the events end; at least one byte behind their begin, and not beyond all addresses."""
    return np.asarray(gpa + np.minimum(np.maximum(size, np.uint64(1)), ~gpa))


def _few(hits: npt.NDArray[np.intp], place: npt.NDArray[np.intp]) -> list[int]:
    """Of very many hits, each at a ``place``, those that can be among the first or the latest there."""
    if len(hits) <= _MANY:
        return [int(one) for one in hits]
    few: set[int] = set()
    for page in np.unique(place):
        same = hits[place == page]
        few.update(int(one) for one in (*same[:KEPT], *same[-KEPT:]))
    return sorted(few)


def event_at(batch: Batch, position: int) -> Event:
    """One event as a plain object, with the names of its kind and stage."""
    carry = int(batch["carry"][position])
    event: Event = {name: int(batch[name][position]) for name in _SHOWN}
    event["kind"] = KIND_NAMES[event["kind"] - 1]
    event["stage"] = STAGE_NAMES[event["stage"]]
    if carry != NO_CARRY:
        event["carry"] = carry
    return event
