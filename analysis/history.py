# SPDX-License-Identifier: GPL-2.0-only
"""The life of single pages: every event that touched them, found in one more pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.events import Batch, EventFile
from analysis.schema import KIND_NAMES, NO_CARRY, PAGE_SIZE, STAGE_NAMES, Kind

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
)

_SHOWN = tuple(name for name in _COLUMNS if name not in ("carry", "caller"))

Event = dict[str, Any]


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


@dataclass(frozen=True)
class Lookup:
    """``pages``: events by address asked for, oldest first. ``callers``: (rip, caller) by seq."""

    pages: dict[int, list[Event]]
    callers: dict[int, tuple[int, int]]


def look_up(events: EventFile, addresses: Iterable[int], seqs: Iterable[int]) -> Lookup:
    """Events that touched the page of each address, and who caused the events ``seqs``.

    At most ``KEPT`` events per page. Probes and marks are left out: they carry no guest
    physical address. One pass over the file, none if nothing is asked for.
    """
    asked = list(addresses)
    wanted = np.unique(np.array(asked, dtype=np.uint64) & _PAGE)
    wanted_seqs = np.array(sorted(set(seqs)), dtype=np.uint64)
    lives = {int(one): _Life() for one in wanted}
    callers: dict[int, tuple[int, int]] = {}
    if len(wanted) or len(wanted_seqs):
        for batch in events.batches(_COLUMNS):
            if len(wanted):
                _scan(batch, wanted, lives)
            for position in np.flatnonzero(np.isin(batch["seq"], wanted_seqs)).tolist():
                seq = int(batch["seq"][position])
                callers[seq] = (int(batch["rip"][position]), int(batch["caller"][position]))
    pages = {one: lives[one & int(_PAGE)] for one in asked}
    return Lookup({one: life.first + life.latest for one, life in pages.items()}, callers)


def _scan(batch: Batch, wanted: npt.NDArray[np.uint64], lives: dict[int, _Life]) -> None:
    gpa = batch["gpa"] & _PAGE
    end = batch["gpa"] + np.minimum(np.maximum(batch["size"], np.uint64(1)), ~batch["gpa"])
    place = np.minimum(np.searchsorted(wanted, gpa), len(wanted) - 1)
    hit = (wanted[place] >= gpa) & (wanted[place] < end)
    hit &= (batch["kind"] <= Kind.CIPHERTEXT) & (batch["kind"] != Kind.ATTACK)
    hit |= (batch["kind"] == Kind.ATTACK) & np.isin(gpa, wanted)
    for position in _few(np.flatnonzero(hit), place):
        event = event_at(batch, int(position))
        inside = (wanted >= gpa[position]) & (wanted < end[position])
        for address in wanted[inside]:
            lives[int(address)].add(event)


def _few(hits: npt.NDArray[np.intp], place: npt.NDArray[np.intp]) -> list[int]:
    """Of very many hits, those that can be among the first or the latest of their page."""
    if len(hits) <= _MANY:
        return [int(one) for one in hits]
    few: set[int] = set()
    for page in np.unique(place[hits]):
        same = hits[place[hits] == page]
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
