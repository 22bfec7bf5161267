# SPDX-License-Identifier: GPL-2.0-only
"""A second judge, slow and simple: the life of every page, one event and one page at a time.

It shares no code with analysis/ but the names of kinds. The state of a page alone decides which accesses hardware
allows (private ones when it is accepted, shared ones when it is the host's, else none). So two traces in which every
page goes through the same states in the same order allow the same accesses; when the second also breaks no rule,
what differs between them is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, ConvertTo, Kind, Stage
from tests.analysis.synthetic import PAGE_RUN, Guest, Records

PAGES = UNIT_SIZE // PAGE_SIZE
BLOCK = 2 * UNIT_SIZE
LOCK = 0xFFFFFFFF82000040
"""The address of the lock of the guests that are judged here."""
SHARED_OR_UNASSIGNED, ASSIGNED, ACCEPTED = 0, 1, 2
"""States as snapshots number them; a page that is no RAM has none."""
_RAM, _LAUNCH, _ASSIGN, _REMOVE, _ACCEPT = map(
    int, (Kind.RAM, Kind.LAUNCH, Kind.ASSIGN, Kind.REMOVE, Kind.ACCEPT)
)
_RESCIND, _CONVERT, _STAGE, _BITMAP, _PROBE_ENTER = map(
    int, (Kind.RESCIND, Kind.CONVERT, Kind.STAGE, Kind.BITMAP, Kind.PROBE_ENTER)
)
"""As plain numbers: an event has thousands of pages, and to look up a member of an enumeration takes longer than to compare."""
_AMISS = {Kind.FAULT, Kind.STOP, Kind.DMA_REFUSED, Kind.CIPHERTEXT, Kind.ATTACK}
"""Kinds of which a trace by the book has no event."""
_ALONE = tuple((state,) for state in (SHARED_OR_UNASSIGNED, ASSIGNED, ACCEPTED))
"""The life of a page that had one state alone, by the state: most pages of a guest have such a one."""
Record = dict[str, int]
"""An event, by the names of its columns."""


@dataclass(slots=True)
class Page:
    """What happened to a page so far. ``life``: its states, each once while it lasts."""

    state: int = SHARED_OR_UNASSIGNED
    held: bool = False
    ever: bool = False
    life: tuple[int, ...] = ()

    def becomes(self, state: int) -> None:
        self.state = state
        if not self.life or self.life[-1] != state:
            self.life += (state,)


class Lives:
    """Follows a trace of ``guest`` to its end. ``broken`` are the rules that it breaks, in words."""

    def __init__(self, guest: Guest, records: Records) -> None:
        self.guest = guest
        self.pages: dict[int, Page] = {}
        self.broken: list[str] = []
        self._vcpus: dict[int, list[int]] = {}
        self._refused: set[int] = set()
        self._late: set[int] = set()
        self._holders: set[int] = set()
        self._handed_over = False
        names = records.dtype.names or ()
        for values in records.tolist():
            self._event(dict(zip(names, values, strict=True)))
        self._guard()
        if int(records["kind"][-1]) != Kind.END:
            self.broken.append("the trace does not end with END")

    def same_life(self, other: Lives) -> bool:
        """Whether every page of both went through the same states in order."""
        mine, theirs = (
            {number: page.life for number, page in one.pages.items()} for one in (self, other)
        )
        return mine == theirs

    def _event(self, record: Record) -> None:
        kind, gpa, size = record["kind"], record["gpa"], record["size"]
        if not self._handed_over and (kind == _STAGE or record["stage"] != Stage.FIRMWARE):
            self._handed_over = True
            for page in self.pages.values():
                page.life = _ALONE[
                    page.state
                ]  # how the boot handoff came about is nobody's business
            self._blobs()
        if kind == _BITMAP:
            self._snapshot(record["detail"])
        elif kind == _PROBE_ENTER:
            self._lock(record)
        elif kind in _AMISS:
            self.broken.append(f"there is an event of kind {Kind(kind).name}")
        if kind == _ACCEPT and record["vcpu"] in self._holders:
            self.broken.append("accept under the lock")
        if kind == _ACCEPT and (record["result"] or record["carry"] == 1):
            self._refusal(gpa)
        elif size and not record["result"] and record["carry"] != 1:
            for number in range(gpa // PAGE_SIZE, -(-(gpa + size) // PAGE_SIZE)):
                self._page(kind, number, record)

    def _page(self, kind: int, number: int, record: Record) -> None:
        page = self.pages.get(number)
        if kind in (_RAM, _LAUNCH):
            self._handoff(kind, number, page)
        elif page is None:
            if kind in (_ACCEPT, _RESCIND):
                self.broken.append(f"{Kind(kind).name} of no RAM")
        elif kind == _ACCEPT:
            self._accept(page, number, record)
        elif kind in (_ASSIGN, _REMOVE):
            if page.held:
                self.broken.append("the host takes an accepted page of the guest")
            page.becomes(ASSIGNED if kind == _ASSIGN else SHARED_OR_UNASSIGNED)
        elif kind == _RESCIND:
            if page.state != ACCEPTED:
                self.broken.append("rescind of a page that is not accepted")
            page.held = False
            page.becomes(ASSIGNED)
        elif kind == _CONVERT and record["detail"] == ConvertTo.SHARED:
            if page.held and self.guest.platform == "snp":
                self.broken.append("shared without rescind")
            page.held = False
            page.becomes(SHARED_OR_UNASSIGNED)

    def _handoff(self, kind: int, number: int, page: Page | None) -> None:
        """A page of RAM, or one that firmware accepted: what firmware accepted is RAM."""
        if page is None:
            self.pages[number] = page = Page(life=_ALONE[SHARED_OR_UNASSIGNED])
        elif kind == _RAM:
            page.becomes(SHARED_OR_UNASSIGNED)
        if self._handed_over:
            self.broken.append(f"{Kind(kind).name} after the guest's first instruction")
        page.held = page.ever = kind == _LAUNCH
        if kind == _LAUNCH:
            page.becomes(ACCEPTED)

    def _accept(self, page: Page, number: int, record: Record) -> None:
        if page.state != ASSIGNED or page.held:
            self.broken.append(f"accept of a page in state {page.state}, held {page.held}")
        unit = number // PAGES
        if not page.ever:
            takers = self._vcpus.setdefault(unit, [])
            if not takers or takers[-1] != record["vcpu"]:
                takers.append(int(record["vcpu"]))
            if len(takers) > 2:
                self.broken.append("vCPUs take turns in a unit")
            if record["stage"] == Stage.USERSPACE:
                self._late.add(unit)
        self._refused.discard(unit)
        page.held = page.ever = True
        page.becomes(ACCEPTED)

    def _refusal(self, gpa: int) -> None:
        """Changes no page. The host's pages are smaller: once per unit, until the unit is accepted page by page."""
        unit = gpa // UNIT_SIZE
        if self.guest.backing != "4K" or unit in self._refused:
            self.broken.append("a refused accept that no size explains")
        self._refused.add(unit)

    def _lock(self, record: Record) -> None:
        names = self.guest.probes
        name = names[int(record["detail"])] if record["detail"] < len(names) else ""
        if record["gpa"] != LOCK:
            return
        if name == "_raw_spin_lock_irqsave":
            self._holders.add(int(record["vcpu"]))
        elif name == "_raw_spin_unlock_irqrestore":
            self._holders.discard(int(record["vcpu"]))

    def _blobs(self) -> None:
        for blob in self.guest.info().handoff.blobs:
            for page in range(blob.start // PAGE_SIZE, -(-(blob.start + blob.size) // PAGE_SIZE)):
                if page not in self.pages or self.pages[page].state != ACCEPTED:
                    self.broken.append(f"{blob.name} is not accepted at boot handoff")
                    return

    def _snapshot(self, number: int) -> None:
        """The true states that were saved at this moment, and the bitmap's claims about them."""
        (name,) = [
            one
            for one in self.guest.files
            if one.startswith(f"{number:04d}-") and one.endswith("pages")
        ]
        runs = np.frombuffer(self.guest.files[name], PAGE_RUN).tolist()
        saved = sum(size // PAGE_SIZE for _, size, _ in runs)
        if saved != len(self.pages) or not all(self._has_states(*run) for run in runs):
            self.broken.append(f"snapshot {number} shows other states")
        data = np.frombuffer(self.guest.files[name.replace(".pages", ".bitmap")], np.uint8)
        for unit, unaccepted in enumerate(
            np.unpackbits(data, bitorder="little")[: len(self.guest.bits)]
        ):
            if unaccepted:
                continue
            first = (self.guest.layout.low + unit * UNIT_SIZE) // PAGE_SIZE
            pages = [self.pages[page] for page in range(first, first + PAGES) if page in self.pages]
            if not all(page.ever for page in pages):
                self.broken.append(f"snapshot {number}: a bit is clear, its unit is not accepted")

    def _has_states(self, start: int, size: int, state: int) -> bool:
        """Whether all pages of a range of RAM are in a state."""
        first = start // PAGE_SIZE
        pages = (self.pages.get(page) for page in range(first, first + size // PAGE_SIZE))
        return all(page is not None and page.state == state for page in pages)

    def _guard(self) -> None:
        """A late accept that ends on a block border with unaccepted memory behind it."""
        for unit in self._late:
            border = (unit + 1) * UNIT_SIZE
            behind = [
                self.pages.get(page)
                for page in range(border // PAGE_SIZE, border // PAGE_SIZE + PAGES)
            ]
            mine = [self.pages[page] for page in range(unit * PAGES, unit * PAGES + PAGES)]
            open_ = any(page is not None and not page.ever for page in behind)
            inside = border < self.guest.layout.top
            if border % BLOCK == 0 and inside and open_ and all(page.ever for page in mine):
                self.broken.append(f"no guard unit behind {border:#x}")
