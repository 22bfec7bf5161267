# SPDX-License-Identifier: GPL-2.0-only
"""The state of every guest page as the events tell it, columnar and in bounded memory.

Each event that changes a page decides the state after it without regard to the state before
(semantics 1.5, 2.5), so a batch needs no loop: expand the events to pages, sort by page, and the
state before an event is what the previous event on that page left, or what the last batch left.

State is kept for units of 2 MiB. Only a unit whose pages differ, or that this batch touches in
part, is looked at page by page; it goes back to one state as soon as its pages agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt

from analysis.events import BATCH_EVENTS, Batch
from analysis.schema import PAGE_SIZE, PAGES_PER_UNIT, UNIT_SIZE, Attack, ConvertTo, Kind

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

PAGE_SHIFT = 12
UNIT_PAGES_SHIFT = 9
POSITION_BITS = BATCH_EVENTS.bit_length()
"""Low bits of a sort key that hold the position in the batch; the page is above them."""
EXPANDED_LIMIT = 16 * BATCH_EVENTS
"""Most page entries that one step may expand to; a batch with more is cut in two."""


class State(IntEnum):
    """Bits 1..0 of a state byte: what the host and the guest have made of the page."""

    NOT_RAM = 0
    HOST = 1  # RAM that the guest does not own: shared, or not assigned yet
    ASSIGNED = 2  # private, not accepted
    ACCEPTED = 3


STATE_MASK = 3
HELD = 4
"""Bit of a state byte: the guest accepted the page and did not give it back since."""
EVER = 8
"""Bit of a state byte: the page has been accepted at some time. HELD without EVER, which no
history leads to, says that the trace does not show what the guest did with the page before."""
UNKNOWN = State.HOST | HELD
"""State byte of RAM whose past the trace does not show."""


def past_unknown(byte: int) -> bool:
    """Whether a state byte belongs to a page whose past the trace does not show."""
    return byte & (HELD | EVER) == HELD


class Op(IntEnum):
    """What an event does to the state of a page. RESCIND and SHARE come from the guest."""

    NONE = 0
    RAM = 1
    LAUNCH = 2
    ACCEPT = 3
    RESCIND = 4
    SHARE = 5
    ASSIGN = 6
    REMOVE = 7
    LOOK = 8  # changes nothing; the state before it is asked for
    RESTORE = 9  # the host gives back the page that it had replaced, accepted if it was held


class Breach(IntFlag):
    """What is wrong with an event, given the state of the page before it."""

    NONE = 0
    ACCEPT_NOT_RAM = 1
    ACCEPT_NOT_ASSIGNED = 2
    ACCEPT_TWICE = 4  # accepted already, nothing in between
    ACCEPT_AGAIN = 8  # the host took the page and gave one back, the guest accepts again
    SHARE_HELD = 16  # converted to shared without a rescind
    RESCIND_NOT_ACCEPTED = 32  # a rescind succeeded where there was nothing to give back


_ROWS = max(Op) + 1
_STATE_AFTER = np.zeros(_ROWS, np.uint8)
_STATE_AFTER[[Op.RAM, Op.SHARE, Op.REMOVE]] = State.HOST
_STATE_AFTER[[Op.LAUNCH, Op.ACCEPT, Op.RESTORE]] = State.ACCEPTED
_STATE_AFTER[[Op.RESCIND, Op.ASSIGN]] = State.ASSIGNED
_HELD_AFTER = np.zeros(_ROWS, np.uint8)
_HELD_AFTER[[Op.LAUNCH, Op.ACCEPT]] = HELD
_SETS_HELD = np.isin(np.arange(_ROWS), [Op.RAM, Op.LAUNCH, Op.ACCEPT, Op.RESCIND, Op.SHARE])
_EVER_AFTER = np.zeros(_ROWS, np.uint8)
_EVER_AFTER[[Op.LAUNCH, Op.ACCEPT]] = EVER
_SETS_EVER = np.isin(np.arange(_ROWS), [Op.RAM, Op.LAUNCH, Op.ACCEPT])
_SETS_STATE = ~np.isin(np.arange(_ROWS), [Op.NONE, Op.LOOK])


def _breach_table() -> U8:
    """Breach by (op, state byte before)."""
    table = np.zeros((_ROWS, 16), np.uint8)
    for byte in range(16):
        if past_unknown(byte):
            continue  # anything may have happened before
        state, held = byte & STATE_MASK, byte & HELD
        accept = Breach.NONE
        if state == State.NOT_RAM:
            accept = Breach.ACCEPT_NOT_RAM
        elif state == State.HOST:
            accept = Breach.ACCEPT_NOT_ASSIGNED
        elif state == State.ACCEPTED:
            accept = Breach.ACCEPT_TWICE
        elif held:
            accept = Breach.ACCEPT_AGAIN
        table[Op.ACCEPT, byte] = accept
        if state != State.ACCEPTED:
            table[Op.RESCIND, byte] = Breach.RESCIND_NOT_ACCEPTED
        table[Op.SHARE, byte] = Breach.SHARE_HELD if held else Breach.NONE
    return table


_BREACH = _breach_table()


def _op_table() -> U8:
    """Op by kind of event, if the event succeeded."""
    table = np.zeros(256, np.uint8)
    for one in (Kind.RAM, Kind.LAUNCH, Kind.ACCEPT, Kind.RESCIND, Kind.ASSIGN, Kind.REMOVE):
        table[one] = Op[one.name]
    table[Kind.CONVERT] = Op.SHARE
    table[[Kind.FAULT, Kind.STOP, Kind.DMA_REFUSED, Kind.CIPHERTEXT]] = Op.LOOK
    return table


_OP = _op_table()


def _attack_table() -> U8:
    """Op by attack: what the act leaves of the page. Nothing but the attack event tells of it."""
    table = np.zeros(256, np.uint8)
    table[[Attack.REMAP, Attack.REASSIGN, Attack.REMOVE_AUG]] = Op.ASSIGN
    # A blocked page keeps its state; it only cannot be used.
    table[[Attack.ALIAS, Attack.UNASSIGN, Attack.REMOVE]] = Op.REMOVE
    table[Attack.REMAP_BACK] = Op.RESTORE
    return table


_ATTACK = _attack_table()
TDX_RETRY = 1
"""MapGPA's answer when it has done a part, which the event's size says (semantics 2.7)."""


def ops_of(batch: Batch) -> U8:
    """The ``Op`` of every event. What did not succeed changes nothing (semantics 1.2, 2.2)."""
    kind = batch["kind"]
    ops: U8 = np.asarray(_OP[kind])
    failed = batch["result"] != 0
    converts = kind == Kind.CONVERT
    if converts.any():
        failed &= ~(converts & (batch["result"] == TDX_RETRY))
        ops[converts & (batch["detail"] != ConvertTo.SHARED)] = Op.NONE
    attacks = kind == Kind.ATTACK
    if attacks.any():
        ops[attacks] = _ATTACK[np.minimum(batch["detail"][attacks], 255).astype(np.uint8)]
    failed |= (batch["carry"] == 1) | (batch["size"] == 0)
    ops[failed & (ops != Op.LOOK)] = Op.NONE
    return ops


@dataclass(frozen=True)
class Entries:
    """Events broken down to blocks: the position in the batch, the block's address and size.

    ``before`` is the state byte before the event, ``breach`` a ``Breach``.
    """

    position: I64
    gpa: npt.NDArray[np.uint64]
    size: int
    op: U8
    before: U8
    breach: U8

    def where(self, mask: Bool) -> Entries:
        """The entries for which ``mask`` is true."""
        return Entries(
            self.position[mask],
            self.gpa[mask],
            self.size,
            self.op[mask],
            self.before[mask],
            self.breach[mask],
        )


class PageStates:
    """State bytes of ``[0, top)``. ``top`` is in bytes and is rounded up to a unit."""

    def __init__(self, top: int) -> None:
        self.units = -(-top // UNIT_SIZE)
        self._unit: U8 = np.zeros(self.units, np.uint8)
        self._mixed: Bool = np.zeros(self.units, np.bool_)
        # Pages of mixed units only; what is never written costs no memory.
        self._page: U8 = np.zeros((self.units, PAGES_PER_UNIT), np.uint8)

    def apply(self, batch: Batch, ops: U8) -> list[Entries]:
        """Move on by one batch. Gives its entries, at unit size and at page size.

        Events that reach beyond ``top`` act on the part below it.
        """
        positions = np.arange(len(ops)) if ops.all() else np.flatnonzero(ops)
        if not len(positions):
            return []
        work = _Work.of(batch, ops, positions, self.units)
        by_page = self._mixed.copy()
        by_page[work.part_unit] = True
        small = by_page[work.whole_unit]
        expanded = int(np.count_nonzero(small)) * PAGES_PER_UNIT + int(work.part_pages.sum())
        if expanded > EXPANDED_LIMIT and len(batch) > 1:
            return self._apply_halves(batch, ops)
        entries = [self._apply_units(work, ~small)]
        entries.append(self._apply_pages(work, small, by_page & ~self._mixed))
        return [one for one in entries if len(one.position)]

    def forget(self) -> None:
        """Call the past of all RAM unknown; of everything below ``top`` when there is no RAM yet."""
        ram = (self._unit & np.uint8(STATE_MASK)) != 0
        if not ram.any() and not self._mixed.any():
            ram[:] = True
        self._unit[ram] = UNKNOWN
        pages = self._page[self._mixed]
        pages[(pages & np.uint8(STATE_MASK)) != 0] = UNKNOWN
        self._page[self._mixed] = pages

    def unit_bytes(self) -> tuple[U8, Bool]:
        """State byte of every unit, and which units are mixed (their byte means nothing)."""
        return self._unit, self._mixed

    def pages_of(self, unit: int) -> U8:
        """State bytes of the 512 pages of one unit."""
        if self._mixed[unit]:
            return np.array(self._page[unit])
        return np.full(PAGES_PER_UNIT, self._unit[unit], np.uint8)

    def at(self, gpa: int) -> int:
        """State byte of the page at ``gpa``; 0 (no RAM) beyond the top."""
        unit = gpa // UNIT_SIZE
        if unit >= self.units:
            return 0
        if self._mixed[unit]:
            return int(self._page[unit, gpa % UNIT_SIZE // PAGE_SIZE])
        return int(self._unit[unit])

    def mixed_pages(self) -> tuple[I64, U8]:
        """Numbers of the mixed units and the state bytes of their pages, shape (units, 512)."""
        units = np.flatnonzero(self._mixed)
        return units.astype(np.int64), self._page[units]

    def first_difference(self, other: PageStates, mask: int) -> int | None:
        """Lowest address, in bytes, where the bits ``mask`` differ; both have the same top."""
        bits = np.uint8(mask)
        mixed = self._mixed | other._mixed
        differ = (((self._unit ^ other._unit) & bits) != 0) & ~mixed
        for one in np.flatnonzero(mixed).tolist():
            differ[one] = ((self.pages_of(one) ^ other.pages_of(one)) & bits).any()
        if not differ.any():
            return None
        unit = int(np.argmax(differ))
        pages = (self.pages_of(unit) ^ other.pages_of(unit)) & bits
        return unit * UNIT_SIZE + int(np.argmax(pages != 0)) * PAGE_SIZE

    def _apply_halves(self, batch: Batch, ops: U8) -> list[Entries]:
        half = len(batch) // 2
        first = self.apply(batch.cut(0, half), ops[:half])
        second = self.apply(batch.cut(half, len(batch)), ops[half:])
        moved = [
            Entries(one.position + half, one.gpa, one.size, one.op, one.before, one.breach)
            for one in second
        ]
        return first + moved

    def _apply_units(self, work: _Work, chosen: Bool) -> Entries:
        unit, position, op = (
            work.whole_unit[chosen],
            work.whole_position[chosen],
            work.whole_op[chosen],
        )
        return _advance(unit, position, op, self._unit, UNIT_SIZE)

    def _apply_pages(self, work: _Work, chosen: Bool, opened: Bool) -> Entries:
        self._page[opened] = self._unit[opened, np.newaxis]
        page, position, op = work.pages(chosen)
        entries = _advance(page, position, op, self._page.reshape(-1), PAGE_SIZE)
        touched = np.zeros(self.units, np.bool_)
        touched[work.part_unit] = True
        touched[work.whole_unit[chosen]] = True
        self._settle(np.flatnonzero(touched))
        return entries

    def _settle(self, units: npt.NDArray[np.intp]) -> None:
        """Units whose pages agree go back to one state."""
        pages = self._page[units]
        agree = (pages == pages[:, :1]).all(axis=1)
        self._mixed[units] = ~agree
        self._unit[units[agree]] = pages[agree, 0]


_NOTHING: I64 = np.zeros(0, np.int64)
_NO_OPS: U8 = np.zeros(0, np.uint8)


@dataclass(frozen=True)
class _Work:
    """Events of a batch as whole units, and as runs of pages inside one unit."""

    whole_unit: I64
    whole_position: I64
    whole_op: U8
    part_page: I64
    part_pages: I64
    part_position: I64
    part_op: U8

    @property
    def part_unit(self) -> I64:
        return self.part_page >> UNIT_PAGES_SHIFT

    @classmethod
    def of(cls, batch: Batch, ops: U8, position: I64, units: int) -> _Work:
        gpa, size, op = batch["gpa"], batch["size"], ops
        if len(position) < len(ops):
            gpa, size, op = gpa[position], size[position], ops[position]
        top = np.uint64(units * UNIT_SIZE)
        page = (gpa >> np.uint64(PAGE_SHIFT)).view(np.int64)
        if _all_single_pages(gpa, size, top):
            return cls(_NOTHING, _NOTHING, _NO_OPS, page, np.ones_like(page), position, op)
        gpa = np.minimum(gpa, top)
        end = gpa + np.minimum(np.maximum(size, np.uint64(1)), top - gpa)
        page = (gpa >> np.uint64(PAGE_SHIFT)).view(np.int64)
        last = ((end + np.uint64(PAGE_SIZE - 1)) >> np.uint64(PAGE_SHIFT)).view(np.int64)
        looks = op == Op.LOOK
        if looks.any():
            last[looks] = np.minimum(last[looks], page[looks] + 1)
        inside = last > page
        if not inside.all():
            page, last, position, op = page[inside], last[inside], position[inside], op[inside]
        return cls._cut(page, last, position, op)

    @classmethod
    def _cut(cls, first: I64, last: I64, position: I64, op: U8) -> _Work:
        """Cut [first, last), in pages, at unit borders: a head, whole units, a tail."""
        head_unit = (first + PAGES_PER_UNIT - 1) >> UNIT_PAGES_SHIFT
        tail_unit = last >> UNIT_PAGES_SHIFT
        inside = head_unit > tail_unit  # neither end of a unit is touched
        head_end = np.where(inside, last, np.minimum(head_unit << UNIT_PAGES_SHIFT, last))
        tail_start = np.where(inside, last, np.maximum(tail_unit << UNIT_PAGES_SHIFT, head_end))
        heads = head_end > first
        tails = last > tail_start
        counts = np.where(inside, 0, tail_unit - head_unit)
        if not tails.any() and heads.all():
            parts = (first, head_end - first, position, op)
        else:
            parts = (
                np.concatenate([first[heads], tail_start[tails]]),
                np.concatenate([(head_end - first)[heads], (last - tail_start)[tails]]),
                np.concatenate([position[heads], position[tails]]),
                np.concatenate([op[heads], op[tails]]),
            )
        unit, source = _spread(head_unit, counts)
        return cls(unit, position[source], op[source], *parts)

    def pages(self, chosen: Bool) -> tuple[I64, I64, U8]:
        """Page, position and op: one entry per page of the parts and of the chosen units."""
        if not chosen.any() and (self.part_pages == 1).all():
            return self.part_page, self.part_position, self.part_op
        start = np.concatenate([self.part_page, self.whole_unit[chosen] << UNIT_PAGES_SHIFT])
        count = np.concatenate(
            [self.part_pages, np.full(int(np.count_nonzero(chosen)), PAGES_PER_UNIT, np.int64)]
        )
        position = np.concatenate([self.part_position, self.whole_position[chosen]])
        op = np.concatenate([self.part_op, self.whole_op[chosen]])
        page, source = _spread(start, count)
        return page, position[source], op[source]


def _all_single_pages(
    gpa: npt.NDArray[np.uint64], size: npt.NDArray[np.uint64], top: np.uint64
) -> bool:
    """Whether every event covers one whole page below ``top``: the common case by far."""
    return bool(
        (size == PAGE_SIZE).all() and not np.bitwise_or.reduce(gpa) % PAGE_SIZE and gpa.max() < top
    )


def _spread(start: I64, count: I64) -> tuple[I64, npt.NDArray[np.intp]]:
    """start[i], start[i] + 1 ... for count[i] steps, and the i that each came from."""
    if not count.any():
        return _NOTHING, _NOTHING
    if (count == 1).all():
        return start, np.arange(len(start))
    source = np.repeat(np.arange(len(start)), count)
    ends = np.cumsum(count)
    offset = np.arange(len(source)) - np.repeat(ends - count, count)
    return start[source] + offset, source


def _advance(block: I64, position: I64, op: U8, state: U8, size: int) -> Entries:
    """Apply entries to ``state``, in order of position within each block."""
    block, position, op = _sorted(block, position, op)
    if not len(block):
        empty = np.zeros(0, np.uint8)
        return Entries(position, block.astype(np.uint64), size, op, empty, empty)
    first = np.empty(len(block), np.bool_)
    first[0] = True
    np.not_equal(block[1:], block[:-1], out=first[1:])
    carried = state.take(block)
    after = _after(op, first, carried)
    before = np.empty_like(after)
    before[1:] = after[:-1]
    np.copyto(before, carried, where=first)
    last = np.empty_like(first)
    last[-1] = True
    last[:-1] = first[1:]
    state[block[last]] = after[last]
    gpa = block.view(np.uint64) * np.uint64(size)
    return Entries(position, gpa, size, op, before, _BREACH.take((op << 4) | before))


def _after(op: U8, first: Bool, carried: U8) -> U8:
    """State byte after each entry."""
    if ((op == Op.RESCIND) | (op == Op.SHARE)).any():
        after = _last_set(op, first, carried, _SETS_HELD, _HELD_AFTER.take(op), HELD)
        after |= _last_set(op, first, carried, _SETS_EVER, _EVER_AFTER.take(op), EVER)
    else:  # then the same events set both
        both = (_HELD_AFTER | _EVER_AFTER).take(op)
        after = _last_set(op, first, carried, _SETS_EVER, both, HELD | EVER)
    state = _STATE_AFTER.take(op)
    restored = op == Op.RESTORE
    if restored.any():
        state[restored & ((after & HELD) == 0)] = State.ASSIGNED
    return after | _last_set(op, first, carried, _SETS_STATE, state, STATE_MASK)


def _last_set(op: U8, first: Bool, carried: U8, sets: Bool, value: U8, mask: int) -> U8:
    """Bits ``mask`` after each entry: the ``value`` of the block's last entry that sets them."""
    setting = sets.take(op)
    own = np.where(setting, value, carried & np.uint8(mask))
    if setting.all():
        return own
    place = np.arange(len(op), dtype=np.int32)
    place *= setting | first
    np.maximum.accumulate(place, out=place)
    return own.take(place)


def _sorted(block: I64, position: I64, op: U8) -> tuple[I64, I64, U8]:
    """By block, then by position. Packed into one key, which sorts faster than an argsort."""
    key = (block << POSITION_BITS) | position
    if (key[1:] > key[:-1]).all():
        return block, position, op
    # The op rides along in its own low bits.
    packed = np.sort((key << 4) | op)
    op = (packed & 15).astype(np.uint8)
    packed >>= 4
    return packed >> POSITION_BITS, packed & ((1 << POSITION_BITS) - 1), op
