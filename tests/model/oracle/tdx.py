# SPDX-License-Identifier: GPL-2.0-only
"""A second model of a TD's memory, written from the specification and not from the C.

Each page has a name of a state (section 2.4) and a flag whether it is part of a 2M entry; a unit
that has a page table says so. Addresses are page numbers in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.model.guest import Layout
from tests.model.names import SEPT_STATES, Attack, Kind, Reach, Stop, TdxOutcome, Verdict
from tests.model.oracle.units import PER_UNIT, units
from tests.model.recorder import Event
from tests.model.structs import NO_CARRY, PAGE

FREE, REMOVED, MAPPED, BLOCKED, PENDING, PENDING_BLOCKED = (
    SEPT_STATES.index(name)
    for name in ("FREE", "REMOVED", "MAPPED", "BLOCKED", "PENDING", "PENDING_BLOCKED")
)
CODE = {FREE: 0, REMOVED: 5, BLOCKED: 1, PENDING: 2, PENDING_BLOCKED: 3}
ACCEPTED_STATES, UNACCEPTED_STATES = (MAPPED, BLOCKED), (PENDING, PENDING_BLOCKED)

SUCCESS = 0
INVALID_RCX = 0xC000010000000001
BUSY_RCX = 0x8000020000000001
ALREADY = 0x00000B0A00000000
MISMATCH = 0xC0000B0B00000000
ENTRY_FREE = 0xC0000B0100000001
INCORRECT_RCX = 0xC0000B0D00000001
SHARED_VE, SHARED_CONVERTS = 1, 2
QUALIFICATION = {Reach.READ: 0x181, Reach.WRITE: 0x182, Reach.FETCH: 0x184, Reach.WALK: 0x081}
HOST_PRIORITY_BUSY = 0x9000020500000000
EEQ_ACCEPT, EEQ_PENDING = 1, 6
RETRY, INVALID_OPERAND, ALIGN_ERROR = 1, 1 << 63, 1 << 63 | 2


@dataclass(frozen=True)
class Answer:
    """What PAGE.ACCEPT comes to; rax only where the outcome is DONE."""

    outcome: int
    rax: int = 0
    exits: int = 0
    stop: int = 0
    exit_info: int = 0
    gpa: int = 0


class TdxOracle:
    """One TD with its host. Every act appends to `events`, zeroing to `scrubs`."""

    def __init__(
        self,
        layout: Layout,
        gpaw: int = 48,
        backing_4k: int = 0,
        assign_advance: int = 0,
        map_gpa_chunk: int = 0,
        busy_limit: int = 1000,
        ve_disable: int = 1,
        shared_access: int = 0,
        implicit: int = 0,
    ) -> None:
        self.pages = layout.top // PAGE
        padded = (self.pages + PER_UNIT - 1) // PER_UNIT * PER_UNIT
        self.state = bytearray(padded)
        self.large = bytearray(b"\1" * padded)  # no table yet: the entry is that of the unit
        self.ram, self.shared = bytearray(self.pages), bytearray(self.pages)
        self.stale = bytearray(padded)
        self.unit_stale = bytearray(padded // PER_UNIT)
        self.progress = [0] * (padded // PER_UNIT)
        self.shared_bit = 1 << (gpaw - 1)
        self.gpaw, self.backing_4k, self.advance = gpaw, backing_4k, assign_advance
        self.chunk, self.busy_limit, self.ve_disable = map_gpa_chunk, busy_limit, ve_disable
        self.shared_access, self.implicit = shared_access, implicit
        self.busy = self.retries = self.interrupt_at = 0
        self.kept: int | None = None
        self.busy_in_a_row = [0, 0]
        self.events: list[Event] = []
        self.scrubs: list[tuple[int, int]] = []
        for start, size in layout.ram:
            self.ram[start // PAGE : (start + size) // PAGE] = b"\1" * (size // PAGE)
        for start, size in layout.accepted:
            for page, count in units(start // PAGE, size // PAGE):
                self._launch(page, count)
        for start, size in layout.shared:
            for page, count in units(start // PAGE, size // PAGE):
                self._make_shared(page, count)
        self.events.clear()
        if assign_advance:
            self._add_everything()

    # --- small questions --------------------------------------------------------------

    def is_ram(self, page: int) -> bool:
        return page < self.pages and bool(self.ram[page])

    def planes(self) -> bytes:
        """As Tdx.dump()."""
        n = self.pages
        table = bytes(
            2 if s in ACCEPTED_STATES else 1 if s in UNACCEPTED_STATES else 0 for s in range(256)
        )
        owned = bytearray(self.state[:n].translate(table))
        if self.kept is not None and self.shared[self.kept]:
            owned[self.kept] = 0
        # the page table below a unit is level 0; what has none is seen at level 1
        return bytes(owned + self.state[:n] + self.large[:n] + self.shared)

    def _tell(self, kind: int, page: int, count: int, result: int = 0, detail: int = 0) -> None:
        self.events.append(Event(kind, page * PAGE, count * PAGE, result, NO_CARRY, detail, 0))

    def _runs(self, kind: int, pages: Sequence[int]) -> None:
        start = 0
        for index in range(1, len(pages) + 1):
            if index == len(pages) or pages[index] != pages[index - 1] + 1:
                self._tell(kind, pages[start], index - start)
                start = index

    @staticmethod
    def _first(page: int) -> int:
        return page // PER_UNIT * PER_UNIT

    # --- the host ---------------------------------------------------------------------

    def _unit_may_be_large(self, page: int) -> bool:
        first = self._first(page)
        inside = slice(first, first + PER_UNIT)
        return (
            not self.backing_4k
            and first + PER_UNIT <= self.pages
            and all(self.ram[inside])
            and not any(self.shared[inside])
        )

    def _add_table(self, page: int) -> None:
        first = self._first(page)
        if self.large[first] and self.state[first] == FREE:
            self.large[first : first + PER_UNIT] = bytes(PER_UNIT)
            if self.unit_stale[first // PER_UNIT]:
                self.stale[first : first + PER_UNIT] = b"\1" * PER_UNIT

    def _add(self, page: int, level: int) -> tuple[int, int]:
        """AUG, at most at the level; what was added."""
        first = self._first(page)
        if (
            level
            and self._unit_may_be_large(page)
            and self.large[first]
            and self.state[first] == FREE
        ):
            self.state[first : first + PER_UNIT] = bytes([PENDING]) * PER_UNIT
            return first, PER_UNIT
        self._add_table(page)
        self.state[page] = PENDING
        return page, 1

    def _launch(self, page: int, count: int) -> None:
        if count == PER_UNIT and self._unit_may_be_large(page) and self.large[page]:
            self.unit_stale[page // PER_UNIT] = 1
        else:
            self._add_table(page)
            self.stale[page : page + count] = b"\1" * count
        self.state[page : page + count] = bytes([MAPPED]) * count

    def _add_everything(self) -> None:
        page = 0

        def free(at: int) -> bool:
            wanted = at < self.pages and self.ram[at] and not self.shared[at]
            return bool(wanted) and self.state[at] == FREE

        while page < self.pages:
            start = page
            while free(page):
                page += 1
            at = start
            while at < page:
                first, count = self._add(at, 1)
                at = first + count
            if page > start:
                self._tell(Kind.ASSIGN, start, page - start)
            page += page == start

    def _split(self, page: int) -> None:
        """BLOCK, TRACK, DEMOTE: children are as accepted as the 2M page was, and not blocked."""
        first = self._first(page)
        if not self.large[first] or self.state[first] == FREE:
            return
        child = MAPPED if self.state[first] in ACCEPTED_STATES else PENDING
        self.state[first : first + PER_UNIT] = bytes([child]) * PER_UNIT
        self.large[first : first + PER_UNIT] = bytes(PER_UNIT)
        self.progress[first // PER_UNIT] = 0
        if self.unit_stale[first // PER_UNIT]:
            self.stale[first : first + PER_UNIT] = b"\1" * PER_UNIT
        self._tell(Kind.SPLIT, first, PER_UNIT)

    def _fault(self, page: int, eeq: int, level: int) -> int:
        """An EPT violation. 0: enter the TD again."""
        if not self.is_ram(page):
            return Stop.NOT_RAM
        if self.shared[page]:
            return self._made_private(page)
        if self.state[page] == FREE:
            self._tell(Kind.ASSIGN, *self._add(page, level if eeq == EEQ_ACCEPT else 1))
            return 0
        if eeq == EEQ_PENDING:
            return Stop.PENDING
        if self.state[page] == PENDING and self.large[page]:
            self._split(page)
            return 0
        return Stop.BLOCKED

    def _made_private(self, page: int) -> int:
        """2.10.7: a host that converts implicitly makes the page private."""
        if not self.implicit:
            return Stop.NOT_ASSIGNED
        self._tell(Kind.CONVERT, page, 1, 0, 0x101)
        self._make_private(page, 1)
        return 0

    def _make_shared(self, page: int, count: int) -> None:
        first = self._first(page)
        kept = self._keeps(page, count)
        if self.large[first] and (count < PER_UNIT or kept):
            self._split(page)
        taken = [
            p
            for p in range(page, page + count)
            if self.state[p] not in (FREE, REMOVED) and not (kept and p == self.kept)
        ]
        for single in taken:
            self.state[single] = FREE
        self._runs(Kind.REMOVE, taken)
        if count == PER_UNIT:
            self.progress[first // PER_UNIT] = 0
        self.unit_stale[first // PER_UNIT] = 1
        self.stale[page : page + count] = b"\1" * count
        self.shared[page : page + count] = b"\1" * count

    def _keeps(self, page: int, count: int) -> bool:
        kept = self.kept
        return kept is not None and page <= kept < page + count and self.state[kept] == MAPPED

    def _make_private(self, page: int, count: int) -> None:
        if self.kept is not None and self._keeps(page, count) and self.shared[self.kept]:
            self._tell(Kind.ATTACK, self.kept, 1, 0, Attack.KEEP)
        self.shared[page : page + count] = bytes(count)
        if not self.advance:
            return
        added = []
        for single in range(page, page + count):
            if self.state[single] != FREE:
                continue
            first, got = self._add(single, 1)
            if got == PER_UNIT:
                self._tell(Kind.ASSIGN, first, got)
                return
            added.append(single)
        self._runs(Kind.ASSIGN, added)

    # --- 2.2: PAGE.ACCEPT -------------------------------------------------------------

    def accept(self, rcx: int, vcpu: int) -> Answer:
        level, gpa = rcx & 7, rcx & (1 << 52) - (1 << 12)
        size = {0: 1, 1: PER_UNIT, 2: PER_UNIT**2}.get(level, 0)
        page = gpa // PAGE
        bad = rcx & 0xFF8 or rcx >> 52 or gpa >> (self.gpaw - 1)
        if level > 1 or bad or page % size:
            return self._done(page, size, INVALID_RCX, 0, vcpu)
        exits = 0
        while True:
            status, info = self._decide(page, level)
            if status is not None:
                return self._done(page, size, status, exits, vcpu)
            if info is None:
                return self._zero(page, level, exits, vcpu)
            stop = self._fault(page, EEQ_ACCEPT, level)
            if stop:
                return Answer(
                    TdxOutcome.STOPPED, exits=exits, stop=stop, exit_info=info, gpa=page * PAGE
                )
            exits += 1

    def _decide(self, page: int, level: int) -> tuple[int | None, int | None]:
        """(status, -), or (-, exit qualification), or neither: go on and zero."""
        if page >= self.pages:
            return None, EEQ_ACCEPT
        state, at = self.state[page], self.large[page]
        info = (level | at << 3 | CODE.get(state, 0) << 6) << 32 | EEQ_ACCEPT
        if state in (BLOCKED, PENDING, PENDING_BLOCKED):
            info |= 1 << 14 << 32
        if at > level:
            return (ALREADY | 1, None) if state == MAPPED else (None, info)
        if self.busy:
            return BUSY_RCX, None
        if at < level:
            return MISMATCH | 1, None
        if state == MAPPED:
            return ALREADY | level, None
        return (None, None) if state == PENDING else (None, info)

    def _done(self, page: int, count: int, status: int, exits: int, vcpu: int) -> Answer:
        if status == BUSY_RCX:
            self.busy -= 1
            self.busy_in_a_row[vcpu] += 1
            if self.busy_in_a_row[vcpu] > self.busy_limit:
                return Answer(
                    TdxOutcome.STOPPED,
                    exits=exits,
                    stop=Stop.NO_PROGRESS,
                    exit_info=HOST_PRIORITY_BUSY,
                    gpa=page * PAGE,
                )
        else:
            self.busy_in_a_row[vcpu] = 0
        self._tell(Kind.ACCEPT, page, count, status)
        return Answer(TdxOutcome.DONE, rax=status, exits=exits)

    def _zero(self, page: int, level: int, exits: int, vcpu: int) -> Answer:
        unit = page // PER_UNIT
        if level == 0:
            if self.stale[page]:
                self.scrubs.append((page * PAGE, PAGE))
            self.stale[page] = 1
            self.state[page] = MAPPED
            return self._done(page, 1, SUCCESS, exits, vcpu)
        for asked, single in enumerate(range(self.progress[unit], PER_UNIT), start=1):
            if self.unit_stale[unit]:
                self.scrubs.append(((page + single) * PAGE, PAGE))
            if asked == self.interrupt_at and single < PER_UNIT - 1:
                self.progress[unit] = single + 1
                return Answer(TdxOutcome.INTERRUPTED, exits=exits)
        self.progress[unit] = 0
        self.unit_stale[unit] = 1
        self.state[page : page + PER_UNIT] = bytes([MAPPED]) * PER_UNIT
        return self._done(page, PER_UNIT, SUCCESS, exits, vcpu)

    # --- 2.6: accesses ----------------------------------------------------------------

    def access(self, gpa: int, kind: int, private: int) -> tuple[int, int, int]:
        """Verdict, stop reason, qualification of the #VE or of the exit."""
        page = gpa // PAGE
        if gpa >= self.shared_bit:
            return Verdict.RESERVED, 0, 0
        if not self.is_ram(page):
            return (Verdict.STOPPED, Stop.NOT_RAM, 0) if private else (Verdict.MMIO, 0, 0)
        if not private:
            return self._shared_access(page, kind)
        while self.state[page] == FREE:
            stop = self._fault(page, 0, 1)
            if stop:
                return Verdict.STOPPED, stop, 0
        if self.state[page] == MAPPED:
            return Verdict.ALLOWED, 0, 0
        if self.state[page] != PENDING:
            stop = (self.shared[page] and self._made_private(page)) or Stop.BLOCKED
            return Verdict.STOPPED, stop, 0
        if self.ve_disable:
            return Verdict.STOPPED, Stop.PENDING, EEQ_PENDING
        return Verdict.GUEST_FAULT, 0, QUALIFICATION[Reach(kind)]

    def _shared_access(self, page: int, kind: int) -> tuple[int, int, int]:
        """2.10: what the host makes of it."""
        if self.shared[page]:
            return Verdict.ALLOWED, 0, 0
        if self.shared_access == SHARED_VE:
            return Verdict.GUEST_FAULT, 0, QUALIFICATION[Reach(kind)]
        if self.shared_access == SHARED_CONVERTS:
            self._tell(Kind.CONVERT, page, 1, 0, 0x102)
            self._make_shared(page, 1)
            return Verdict.ALLOWED, 0, 0
        return Verdict.STOPPED, Stop.SHARED_ACCESS, 0

    # --- 2.11: PAGE.RELEASE -------------------------------------------------------------

    def release(self, rcx: int) -> tuple[int, int]:
        """RAX and RCX."""
        level, gpa = rcx & 7, rcx & (1 << 52) - (1 << 12)
        size = {0: 1, 1: PER_UNIT, 2: PER_UNIT**2}.get(level, 0)
        page = gpa // PAGE
        if level > 1 or rcx & 0xFF8 or rcx >> 52 or gpa >> (self.gpaw - 1) or page % size:
            status, after = INVALID_RCX, rcx
        else:
            status, after = self._release(page, level, rcx)
        self._tell(Kind.RELEASE, page, size, status)
        return status, after

    def _release(self, page: int, level: int, rcx: int) -> tuple[int, int]:
        gpa = page * PAGE
        if page >= self.pages:
            return ENTRY_FREE, gpa | level
        state, at = self.state[page], self.large[page]
        found = gpa | at | (state == PENDING) << 62
        if at > level:
            return (ENTRY_FREE if state in (FREE, REMOVED) else MISMATCH | at), found
        if self.busy:
            self.busy -= 1
            return BUSY_RCX, rcx
        if at < level:
            return MISMATCH | at, found
        if state != MAPPED:
            return (ENTRY_FREE if state in (FREE, REMOVED) else INCORRECT_RCX), found
        count = PER_UNIT if level else 1
        self.state[page : page + count] = bytes([PENDING]) * count
        return SUCCESS, rcx

    # --- 2.7: MapGPA ------------------------------------------------------------------

    def map_gpa(self, start: int, size: int) -> tuple[int, int | None]:
        """R10, and R11 where the call sets it."""
        shared = bool(start & self.shared_bit)
        gpa = start & ~self.shared_bit
        detail = 2 if shared else 1
        status = self._check_map_gpa(start, size)
        done = size
        if not status and self.retries:
            self.retries -= 1
            status, done = RETRY, 0
        elif not status and self.chunk and size > self.chunk:
            status, done = RETRY, self.chunk
        if status not in (0, RETRY):
            self.events.append(Event(Kind.CONVERT, gpa, size, status, NO_CARRY, detail, 0))
            return status, start
        stretches = self._ram_stretches(gpa // PAGE, done // PAGE)
        for first, length in stretches:
            self._tell(Kind.CONVERT, first, length, status, detail)
            for page, count in units(first, length):
                if shared:
                    self._make_shared(page, count)
                else:
                    self._make_private(page, count)
        if not stretches:
            self._tell(Kind.CONVERT, gpa // PAGE, 0, status, detail)
        return status, start + done if status == RETRY else None

    def _ram_stretches(self, page: int, count: int) -> list[tuple[int, int]]:
        """Runs of RAM in [page, page + count)."""
        found: list[tuple[int, int]] = []
        for single in range(page, min(page + count, self.pages)):
            if not self.is_ram(single):
                continue
            if found and sum(found[-1]) == single:
                found[-1] = (found[-1][0], found[-1][1] + 1)
            else:
                found.append((single, 1))
        return found

    def _check_map_gpa(self, start: int, size: int) -> int:
        last = start + size - 1
        if not size or last >= 1 << self.gpaw or (start ^ last) & self.shared_bit:
            return INVALID_OPERAND
        if start % PAGE or size % PAGE:
            return ALIGN_ERROR
        ram = (self.is_ram(p) for p in range(start // PAGE, (start + size) // PAGE))
        return 0 if start & self.shared_bit or all(ram) else INVALID_OPERAND

    # --- hostile acts -----------------------------------------------------------------

    def _take(self, page: int, attack: Attack) -> bool:
        if not self.is_ram(page) or self.shared[page] or self.state[page] in (FREE, REMOVED):
            return False
        self._split(page)
        self._tell(Kind.ATTACK, page, 1, 0, attack)
        return True

    def keep(self, gpa: int) -> int:
        if self.kept is not None or not self.is_ram(gpa // PAGE) or gpa % PAGE:
            return -1
        self.kept = gpa // PAGE
        return 0

    def remove_aug(self, gpa: int) -> int:
        page = gpa // PAGE
        if not self._take(page, Attack.REMOVE_AUG):
            return -1
        self.state[page] = PENDING
        return 0

    def remove(self, gpa: int) -> int:
        page = gpa // PAGE
        if not self._take(page, Attack.REMOVE):
            return -1
        self.state[page] = REMOVED
        return 0

    def block(self, gpa: int) -> int:
        page = gpa // PAGE
        if not self.is_ram(page) or self.shared[page]:
            return -1
        blocked = {MAPPED: BLOCKED, PENDING: PENDING_BLOCKED}.get(self.state[page])
        if blocked is None:
            return -1
        first, count = (self._first(page), PER_UNIT) if self.large[page] else (page, 1)
        self.state[first : first + count] = bytes([blocked]) * count
        if count == PER_UNIT:
            self.progress[first // PER_UNIT] = 0
        self._tell(Kind.ATTACK, first, count, 0, Attack.BLOCK)
        return 0
