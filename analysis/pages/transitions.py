# SPDX-License-Identifier: GPL-2.0-only
"""What each event does to a page: the states, the operations, and what is wrong with one.

Each operation decides the state after it without regard to the state before (semantics.md 1.5, 2.5);
a breach is read off the operation and the state before it.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.enums import with_plain_members
from acceptlab.analysis.trace.events import Batch, recoded
from acceptlab.analysis.trace.schema import CONVERT_IMPLICIT, Attack, ConvertTo, Kind

U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]


@with_plain_members
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


@with_plain_members
class Op(IntEnum):
    """What an event does to the state of a page. RESCIND (a TD's is RELEASE) and SHARE come from the guest."""

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
    KEPT = 10  # the page is accepted as it was before the guest gave it back
    LOST = 11  # the host made it shared at a shared access, which the guest did not request
    PLUG = 12  # the host added the memory: not assigned, whoever held it before
    UNPLUG = 13  # the guest gave the memory up whole, and the host removed it: no RAM, and as held as before
    GONE = 14  # the same where the host cannot but take the guest's accept of it back


@with_plain_members
class Breach(IntFlag):
    """What is wrong with an event, given the state of the page before it."""

    NONE = 0
    ACCEPT_NOT_RAM = 1
    ACCEPT_NOT_ASSIGNED = 2
    ACCEPT_TWICE = 4  # accepted already, nothing in between
    ACCEPT_AGAIN = 8  # the host took the page and gave one back, the guest accepts again
    SHARE_HELD = 16  # converted to shared without a rescind
    RESCIND_NOT_ACCEPTED = 32  # a rescind succeeded where there was nothing to give back
    TAKEN_HELD = 64  # the host assigned or removed a page that the guest holds: an attack, or the trace is wrong


_ROWS = max(Op) + 1
_STATE_AFTER = np.zeros(_ROWS, np.uint8)
_STATE_AFTER[[Op.RAM, Op.SHARE, Op.REMOVE, Op.LOST, Op.PLUG]] = State.HOST
_STATE_AFTER[[Op.LAUNCH, Op.ACCEPT, Op.RESTORE, Op.KEPT]] = State.ACCEPTED
_STATE_AFTER[[Op.RESCIND, Op.ASSIGN]] = State.ASSIGNED
_HELD_AFTER = np.zeros(_ROWS, np.uint8)
_HELD_AFTER[[Op.LAUNCH, Op.ACCEPT]] = HELD
_SETS_HELD = np.isin(
    np.arange(_ROWS), [Op.RAM, Op.LAUNCH, Op.ACCEPT, Op.RESCIND, Op.SHARE, Op.LOST, Op.GONE]
)
_EVER_AFTER = np.zeros(_ROWS, np.uint8)
_EVER_AFTER[[Op.LAUNCH, Op.ACCEPT]] = EVER
_SETS_EVER = np.isin(np.arange(_ROWS), [Op.RAM, Op.LAUNCH, Op.ACCEPT, Op.GONE])
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
        if state == State.ACCEPTED and held:
            table[[Op.ASSIGN, Op.REMOVE], byte] = Breach.TAKEN_HELD
    return table


_BREACH = _breach_table()


def _op_table() -> U8:
    """Op by kind of event, if the event succeeded."""
    table = np.zeros(256, np.uint8)
    for one in (
        Kind.RAM, Kind.LAUNCH, Kind.ACCEPT, Kind.RESCIND, Kind.ASSIGN, Kind.REMOVE, Kind.PLUG, Kind.UNPLUG,
    ):  # fmt: skip
        table[one] = Op[one.name]
    table[Kind.RELEASE] = Op.RESCIND
    table[Kind.CONVERT] = Op.SHARE
    table[[Kind.FAULT, Kind.STOP, Kind.DMA_REFUSED, Kind.CIPHERTEXT]] = Op.LOOK
    return table


_OP = _op_table()


def _attack_table() -> U8:
    """Op by attack: what the act leaves of the page. Only the attack event shows it."""
    table = np.zeros(256, np.uint8)
    table[[Attack.REMAP, Attack.REASSIGN, Attack.REMOVE_AUG]] = Op.ASSIGN
    # A blocked page keeps its state; it only cannot be used.
    table[[Attack.ALIAS, Attack.UNASSIGN, Attack.REMOVE]] = Op.REMOVE
    table[Attack.REMAP_BACK] = Op.RESTORE
    table[Attack.KEEP] = Op.KEPT
    return table


_ATTACK = _attack_table()
TDX_RETRY = 1
"""MapGPA's answer when it has done a part, which the event's size says (semantics.md 2.7.2)."""


def ops_of(batch: Batch) -> U8:
    """The ``Op`` of every event. What did not succeed changes nothing (semantics.md 1.2, 2.2)."""
    kind = batch["kind"]
    ops = recoded(kind, _OP)
    converts = batch.of(Kind.CONVERT)
    to = batch["detail"][converts] & np.uint64(0xFF)
    ops[converts[to != ConvertTo.SHARED]] = Op.NONE
    by_host = batch["detail"][converts] & np.uint64(CONVERT_IMPLICIT) != 0
    ops[converts[by_host & (to == ConvertTo.SHARED)]] = Op.LOST
    attacks = batch.of(Kind.ATTACK)
    ops[attacks] = _ATTACK[np.minimum(batch["detail"][attacks], 255).astype(np.uint8)]
    odd, blocks = batch.odd, np.flatnonzero(~batch.page_sized)
    retried = (kind[odd] == Kind.CONVERT) & (batch["result"][odd] == TDX_RETRY)
    failed = odd[~retried | (batch["carry"][odd] == 1)]
    for nothing in (failed, blocks[batch["size"][blocks] == 0]):
        ops[nothing[ops[nothing] != Op.LOOK]] = Op.NONE
    return ops


def states_after(op: U8, first: Bool, carried: U8) -> U8:
    """State byte after each of many operations, sorted by block and then by time.

    ``first`` marks the first operation of each block, ``carried`` is the state byte that the block
    had before it (only looked at there).
    """
    if ((op == Op.RESCIND) | (op == Op.SHARE) | (op == Op.LOST)).any():
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


def breaches_of(op: U8, before: U8) -> U8:
    """The ``Breach`` of each operation, given the state byte before it."""
    return np.asarray(_BREACH.take((op << 4) | before))


def _last_set(op: U8, first: Bool, carried: U8, sets: Bool, value: U8, mask: int) -> U8:
    """Bits ``mask`` after each operation: the ``value`` of the block's last one that sets them."""
    setting = sets.take(op)
    own = np.where(setting, value, carried & np.uint8(mask))
    if setting.all():
        return own
    place = np.arange(len(op), dtype=np.int32)
    place *= setting | first
    np.maximum.accumulate(place, out=place)
    return own.take(place)
