# SPDX-License-Identifier: GPL-2.0-only
"""A second model of an SNP guest's memory, written from the specification and not from the C.

Memory is a set of planes with one byte per page; a 2M page is 512 pages that say so. Addresses
are page numbers in here. Sections named in comments are those of the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.model.guest import Layout
from tests.model.names import Attack, Kind, Npf, Psc, Reach, SnpOutcome, Stop, Verdict
from tests.model.oracle.units import PER_UNIT, units
from tests.model.recorder import Event
from tests.model.structs import NO_CARRY, PAGE, UNIT

ALL_PERMISSIONS = 0x1F
NPF = Npf.RMP | Npf.FINAL | Npf.ENC
GENERIC, BAD_HEADER, BAD_ENTRY = 0x100 << 32, 1 << 32 | 1, 1 << 32 | 2


@dataclass(frozen=True)
class Answer:
    """What PVALIDATE or RMPADJUST come to."""

    outcome: int
    eax: int = 0
    carry: int = 0
    exits: int = 0
    stop: int = 0
    platform: int = 0


@dataclass
class Entry:
    """The attributes of system pages, one plane each."""

    count: int
    assigned: bytearray = field(init=False)
    validated: bytearray = field(init=False)
    vmsa: bytearray = field(init=False)
    big: bytearray = field(init=False)
    perms: list[bytearray] = field(init=False)
    gpa: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.assigned, self.validated, self.vmsa, self.big = (
            bytearray(self.count) for _ in range(4)
        )
        self.perms = [bytearray(self.count) for _ in range(4)]
        self.gpa = [0] * self.count

    def clear(self, at: int, count: int) -> None:
        for plane in (self.assigned, self.validated, self.vmsa, self.big, *self.perms):
            plane[at : at + count] = bytes(count)

    def give(self, at: int, count: int, gpa: int) -> None:
        """1.5: newly assigned is not validated, VMPL0 has all permissions, the others none."""
        self.clear(at, count)
        self.assigned[at : at + count] = b"\1" * count
        self.big[at : at + count] = bytes([count == PER_UNIT]) * count
        self.perms[0][at : at + count] = bytes([ALL_PERMISSIONS]) * count
        self.gpa[at : at + count] = range(gpa, gpa + count)


class SnpOracle:
    """One guest with its host. Every act appends to `events`."""

    def __init__(
        self,
        layout: Layout,
        backing_4k: int = 0,
        assign_advance: int = 0,
        psc_limit: int = 0,
        implicit: int = 0,
    ) -> None:
        self.pages = layout.top // PAGE
        self.spare = ((self.pages + PER_UNIT - 1) // PER_UNIT) * PER_UNIT
        self.next_spare = self.spare
        self.rmp = Entry(self.spare + PER_UNIT)
        self.ram = bytearray(self.pages)
        self.shared = bytearray(self.pages)
        self.backed_by: dict[int, int] = {}
        self.backing_4k, self.advance, self.psc_limit = backing_4k, assign_advance, psc_limit
        self.implicit = implicit
        self.psc_errors = 0
        self.events: list[Event] = []
        for start, size in layout.ram:
            self.ram[start // PAGE : (start + size) // PAGE] = b"\1" * (size // PAGE)
        for start, size in layout.accepted:
            for page, count in units(start // PAGE, size // PAGE):
                self._launch(page, count)
        for start, size in layout.shared:
            self.shared[start // PAGE : (start + size) // PAGE] = b"\1" * (size // PAGE)
        if assign_advance:
            self._assign_everything()

    # --- small questions ---------------------------------------------------------

    def is_ram(self, page: int) -> bool:
        return page < self.pages and bool(self.ram[page])

    def system(self, page: int) -> int:
        return self.backed_by.get(page, page)

    def owns(self, page: int) -> bool:
        """1.6: assigned to this guest, at this GPA."""
        at = self.system(page)
        return bool(self.rmp.assigned[at]) and self.rmp.gpa[at] == page

    def state(self, page: int) -> int:
        if not self.is_ram(page) or not self.owns(page):
            return 0
        return 2 if self.rmp.validated[self.system(page)] else 1

    def accepted(self) -> int:
        return PAGE * self.planes()[: self.pages].count(2)

    def _tell(
        self,
        kind: int,
        page: int,
        count: int,
        result: int = 0,
        detail: int = 0,
        carry: int = NO_CARRY,
    ) -> None:
        self.events.append(Event(kind, page * PAGE, count * PAGE, result, carry, detail, 0))

    def planes(self) -> bytes:
        """As Snp.dump()."""
        n = self.pages
        rmp = self.rmp

        def number(plane: bytearray) -> int:
            return int.from_bytes(plane[:n], "little")

        assigned, validated = number(rmp.assigned), number(rmp.validated)
        state = bytearray((assigned + validated).to_bytes(n, "little"))
        all_flags = assigned + 2 * validated + 4 * number(rmp.vmsa) + 16 * number(rmp.big)
        flags = bytearray(all_flags.to_bytes(n, "little"))
        perms = [plane[:n] for plane in rmp.perms]
        for page in self.backed_by:
            at = self.system(page)
            state[page] = self.state(page)
            flags[page] = (
                rmp.assigned[at] | rmp.validated[at] << 1 | rmp.vmsa[at] << 2 | rmp.big[at] << 4
            )
            for vmpl in range(4):
                perms[vmpl][page] = rmp.perms[vmpl][at]
        return bytes(state + flags + self.shared + b"".join(perms))

    # --- the host ------------------------------------------------------------------

    def _unit_may_be_big(self, page: int) -> bool:
        first = page // PER_UNIT * PER_UNIT
        inside = slice(first, first + PER_UNIT)
        return (
            not self.backing_4k
            and first + PER_UNIT <= self.pages
            and all(self.ram[inside])
            and not any(self.shared[inside])
            and not any(first <= p < first + PER_UNIT for p in self.backed_by)
        )

    def _assign(self, page: int) -> tuple[int, int]:
        first = page // PER_UNIT * PER_UNIT
        if self._unit_may_be_big(page) and not any(self.rmp.assigned[first : first + PER_UNIT]):
            self.rmp.give(first, PER_UNIT, first)
            return first, PER_UNIT
        self.rmp.give(self.system(page), 1, page)
        return page, 1

    def _launch(self, page: int, count: int) -> None:
        if count == PER_UNIT and self._unit_may_be_big(page):
            self.rmp.give(page, PER_UNIT, page)
        else:
            for single in range(page, page + count):
                self.rmp.give(single, 1, single)
        self.rmp.validated[page : page + count] = b"\1" * count

    def _assign_everything(self) -> None:
        page = 0
        while page < self.pages:
            free = self.ram[page] and not self.shared[page] and not self.rmp.assigned[page]
            if not free:
                page += 1
                continue
            start = page
            while (
                page < self.pages
                and self.ram[page]
                and not self.shared[page]
                and not self.rmp.assigned[page]
            ):
                page += 1
            at = start
            while at < page:
                first, count = self._assign(at)
                at = first + count
            self._tell(Kind.ASSIGN, start, page - start)

    def _split(self, page: int) -> None:
        first = page // PER_UNIT * PER_UNIT
        if self.rmp.big[first]:
            self.rmp.big[first : first + PER_UNIT] = bytes(PER_UNIT)
            self._tell(Kind.SPLIT, first, PER_UNIT)

    def _is_alias(self, page: int) -> bool:
        return self.system(page) != page and self.system(page) < self.spare

    def _fault(self, page: int) -> int:
        """A nested page fault for want of an owner. 0: the host has assigned it."""
        if self.shared[page]:
            return self._made_private(page)
        if self.rmp.assigned[self.system(page)] or self._is_alias(page):
            return Stop.OWNER
        self._tell(Kind.ASSIGN, *self._assign(page))
        return 0

    def _made_private(self, page: int) -> int:
        """2.10.7: a host that converts implicitly makes the page private."""
        if not self.implicit:
            return Stop.NOT_ASSIGNED
        self._tell(Kind.CONVERT, page, 1, 0, 0x101)
        self._make_private(page, 1)
        return 0

    def _runs(self, kind: int, pages: Sequence[int]) -> None:
        """One event for each run of neighbours."""
        start = 0
        for index in range(1, len(pages) + 1):
            if index == len(pages) or pages[index] != pages[index - 1] + 1:
                self._tell(kind, pages[start], index - start)
                start = index

    def _make_shared(self, page: int, count: int) -> None:
        for single in range(page, page + count):
            at = self.backed_by.pop(single, single)
            if at >= self.spare and self.rmp.gpa[at] == single and self.rmp.assigned[at]:
                self.rmp.clear(at, 1)
        if count < PER_UNIT:
            self._split(page)
        taken = [p for p in range(page, page + count) if self.rmp.assigned[p]]
        self.rmp.clear(page, count)
        self._runs(Kind.REMOVE, taken)
        self.shared[page : page + count] = b"\1" * count

    def _make_private(self, page: int, count: int) -> None:
        self.shared[page : page + count] = bytes(count)
        if not self.advance:
            return
        free = []
        for single in range(page, page + count):
            if self.rmp.assigned[self.system(single)] or self._is_alias(single):
                continue
            first, got = self._assign(single)
            if got == PER_UNIT:
                self._tell(Kind.ASSIGN, first, got)
                return
            free.append(single)
        self._runs(Kind.ASSIGN, free)

    def _convert(self, page: int, count: int, op: int) -> bool:
        """A range in one unit; False: the host refuses."""
        detail = 2 if op == Psc.SHARED else 1
        whole = all(self.is_ram(p) for p in range(page, page + count))
        if self.psc_errors or not whole:
            self.psc_errors -= self.psc_errors > 0
            self._tell(Kind.CONVERT, page, count, GENERIC, detail)
            return False
        self._tell(Kind.CONVERT, page, count, 0, detail)
        if op == Psc.SHARED:
            self._make_shared(page, count)
        else:
            self._make_private(page, count)
        return True

    # --- 1.2, 1.3: instructions -------------------------------------------------------

    def _stopped(self, stop: int, npf: int, exits: int) -> Answer:
        return Answer(SnpOutcome.STOPPED, exits=exits, stop=stop, platform=npf)

    def _settle_entry(self, page: int, size_2m: int) -> Answer | int:
        """Ownership and size with the host's help: an Answer that ends it, or the exits so far."""
        exits = 0
        if not self.is_ram(page):
            return self._stopped(Stop.NOT_RAM, NPF, 0)
        while not self.owns(page):
            stop = self._fault(page)
            if stop:
                return self._stopped(stop, NPF, exits)
            exits += 1
        if self.rmp.big[self.system(page)] and not size_2m:
            if self.shared[page]:
                stop = self._made_private(page)
                if stop:
                    return self._stopped(stop, NPF | Npf.SIZEM, exits)
                exits += 1
            self._split(page)
            exits += 1
        if size_2m and not self.rmp.big[self.system(page)]:
            return Answer(SnpOutcome.DONE, eax=6, exits=exits)
        return exits

    def pvalidate(self, gpa: int, ecx: int, edx: int, cpl: int, vmpl: int) -> Answer:
        validate = edx & 1
        kind = Kind.ACCEPT if validate else Kind.RESCIND
        page, count = gpa // PAGE, PER_UNIT if ecx else 1
        if cpl or vmpl:
            return Answer(SnpOutcome.GP)
        if ecx not in (0, 1) or (ecx == 1 and page % PER_UNIT):
            self._tell(kind, page, count, 1, carry=0)
            return Answer(SnpOutcome.DONE, eax=1)
        settled = self._settle_entry(page, ecx)
        if isinstance(settled, Answer):
            if settled.outcome == SnpOutcome.DONE:
                self._tell(kind, page, count, settled.eax, carry=0)
            return settled
        at = self.system(page)
        carry = int(self.rmp.validated[at] == validate)
        self.rmp.validated[at : at + count] = bytes([validate]) * count
        self._tell(kind, page, count, 0, carry=carry)
        return Answer(SnpOutcome.DONE, carry=carry, exits=settled)

    def rmpadjust(self, gpa: int, rcx: int, rdx: int, cpl: int, vmpl: int) -> Answer:
        page, count = gpa // PAGE, PER_UNIT if rcx else 1
        target, mask, vmsa = rdx & 0xFF, rdx >> 8 & 0xFF, rdx >> 16 & 1
        if cpl:
            return Answer(SnpOutcome.GP)
        if rcx > 1 or (rcx and page % PER_UNIT) or rdx >> 17 or target > 3 or mask > 0x1F:
            self._tell(Kind.RMPADJUST, page, count, 1, rdx)
            return Answer(SnpOutcome.DONE, eax=1)
        settled = self._settle_entry(page, rcx)
        if isinstance(settled, Answer):
            if settled.outcome == SnpOutcome.DONE:
                self._tell(Kind.RMPADJUST, page, count, settled.eax, rdx)
            return settled
        at = self.system(page)
        if not self.rmp.validated[at]:
            return Answer(SnpOutcome.NOT_VALIDATED, exits=settled, platform=0x404)
        if target <= vmpl or mask & ~self.rmp.perms[vmpl][at] or (vmsa and vmpl):
            self._tell(Kind.RMPADJUST, page, count, 2, rdx)
            return Answer(SnpOutcome.DONE, eax=2, exits=settled)
        self.rmp.perms[target][at : at + count] = bytes([mask]) * count
        if vmpl == 0:
            self.rmp.vmsa[at : at + count] = bytes([vmsa]) * count
        self._tell(Kind.RMPADJUST, page, count, 0, rdx)
        return Answer(SnpOutcome.DONE, exits=settled)

    # --- 1.6: accesses -------------------------------------------------------------------

    def access(
        self, gpa: int, kind: int, private: int, vmpl: int, user: int
    ) -> tuple[int, int, int]:
        page = gpa // PAGE
        private = int(private or kind in (Reach.FETCH, Reach.WALK))
        if not self.is_ram(page):
            return (Verdict.STOPPED, Stop.NOT_RAM, NPF) if private else (Verdict.MMIO, 0, 0)
        if not private:
            return self._shared_access(page, kind)
        bits = Npf.RMP | Npf.ENC | (Npf.PAGE_TABLE if kind == Reach.WALK else Npf.FINAL)
        while not self.owns(page):
            stop = self._fault(page)
            if stop:
                return Verdict.STOPPED, stop, bits
        at = self.system(page)
        if not self.rmp.validated[at]:
            return Verdict.GUEST_FAULT, 0, 0x404
        needed = {Reach.WRITE: 2, Reach.FETCH: 4 if user else 8}.get(Reach(kind), 1)
        if not self.rmp.perms[vmpl][at] & needed:
            stop = (self.shared[page] and self._made_private(page)) or Stop.VMPL
            return Verdict.STOPPED, stop, bits & ~Npf.RMP | Npf.VMPL
        return Verdict.ALLOWED, 0, 0

    def _shared_access(self, page: int, kind: int) -> tuple[int, int, int]:
        assigned = self.rmp.assigned[self.system(page)]
        if self.implicit and not self.shared[page] and not (assigned and kind != Reach.WRITE):
            self._tell(Kind.CONVERT, page, 1, 0, 0x102)
            self._make_shared(page, 1)
            return Verdict.ALLOWED, 0, 0
        if assigned:
            if kind == Reach.WRITE:
                return Verdict.STOPPED, Stop.SHARED_ACCESS, Npf.RMP | Npf.FINAL
            return Verdict.CIPHERTEXT, 0, 0
        if not self.shared[page]:
            return Verdict.STOPPED, Stop.SHARED_ACCESS, Npf.FINAL
        return Verdict.ALLOWED, 0, 0

    # --- 1.7, 1.8: page state changes -----------------------------------------------------

    def msr_psc(self, gpa: int, op: int) -> int:
        """The GHCB MSR after the request."""
        good = op in (Psc.PRIVATE, Psc.SHARED) and self._convert(gpa // PAGE, 1, op)
        return 0x015 if good else 1 << 63 | 0x015

    def psc(self, entries: list[int], cur: int, end: int) -> tuple[int, int, list[int]]:
        """SW_EXITINFO2, cur_entry, entries, all after one exit."""
        entries = list(entries)
        if end >= 253:
            return BAD_HEADER, cur, entries
        steps = 0
        while not self.psc_limit or steps < self.psc_limit:
            while cur <= end and self._entry_is_done(entries[cur]):
                cur += 1
            if cur > end:
                return 0, cur, entries
            entry = entries[cur]
            gfn, count, done = entry >> 12 & (1 << 40) - 1, self._count(entry), entry & 0xFFF
            if done > count or gfn % count:
                return BAD_ENTRY, cur, entries
            op = entry >> 52 & 0xF
            if op in (Psc.PRIVATE, Psc.SHARED) and not self._convert(gfn + done, count - done, op):
                return GENERIC, cur, entries
            entries[cur] = entry & ~0xFFF | count
            cur += 1
            steps += 1
        return 0, cur, entries

    @staticmethod
    def _count(entry: int) -> int:
        return PER_UNIT if entry >> 56 & 1 else 1

    def _entry_is_done(self, entry: int) -> bool:
        aligned = (entry >> 12 & (1 << 40) - 1) % self._count(entry) == 0
        return aligned and entry & 0xFFF == self._count(entry)

    # --- hostile acts ------------------------------------------------------------------------

    def _attackable(self, page: int) -> bool:
        return self.is_ram(page) and self.state(page) != 0

    def remap(self, gpa: int) -> int:
        page = gpa // PAGE
        full = self.next_spare == self.spare + PER_UNIT or len(self.backed_by) == PER_UNIT
        if full or not self._attackable(page):
            return -1
        self._split(page)
        self._tell(Kind.ATTACK, page, 1, 0, Attack.REMAP)
        self.backed_by[page] = self.next_spare
        self.rmp.give(self.next_spare, 1, page)
        self.next_spare += 1
        return 0

    def remap_back(self, gpa: int) -> int:
        page = gpa // PAGE
        if not self.is_ram(page) or self.system(page) == page:
            return -1
        self._tell(Kind.ATTACK, page, 1, 0, Attack.REMAP_BACK)
        del self.backed_by[page]
        return 0

    def alias(self, gpa: int, other: int) -> int:
        page, source = gpa // PAGE, other // PAGE
        if not self.is_ram(source) or page == source or len(self.backed_by) == PER_UNIT:
            return -1
        if not self._attackable(page):
            return -1
        at = self.system(source)
        self._split(page)
        self._tell(Kind.ATTACK, page, 1, 0, Attack.ALIAS)
        self.backed_by[page] = at
        return 0

    def reassign(self, gpa: int) -> int:
        page = gpa // PAGE
        if not self._attackable(page):
            return -1
        self._split(page)
        self._tell(Kind.ATTACK, page, 1, 0, Attack.REASSIGN)
        self.rmp.give(self.system(page), 1, page)
        return 0

    def unassign(self, gpa: int) -> int:
        page = gpa // PAGE
        if not self._attackable(page):
            return -1
        self._split(page)
        self._tell(Kind.ATTACK, page, 1, 0, Attack.UNASSIGN)
        self.rmp.clear(self.system(page), 1)
        self.shared[page] = 1
        return 0


assert UNIT == PER_UNIT * PAGE
