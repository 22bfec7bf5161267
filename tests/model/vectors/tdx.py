# SPDX-License-Identifier: GPL-2.0-only
"""A TD and secure-EPT entries for vectors, and shorthands for what they do."""

from __future__ import annotations

from tests.model.guest import Layout
from tests.model.names import (
    SEPT_STATES,
    TdxOutcome,
)
from tests.model.structs import (
    PAGE,
    UNIT,
)
from tests.model.td import SeptTree, Tdx

ACCEPTED = 0x400000
FRESH = 0x600000
TOP = 0x1000000
SHARED = 0x8000
HOLE = 0xB0000
LAYOUT = Layout(
    ram=((0, 0xA0000), (0x100000, TOP - 0x100000)),
    accepted=((ACCEPTED, UNIT),),
    shared=((SHARED, PAGE),),
)
VE_DISABLE = 1 << 28
MASK = 0xFC00  # R10-R15

INVALID = 0xC000010000000000
BUSY = 0x8000020000000001
ALREADY = 0x00000B0A00000000
MISMATCH = 0xC0000B0B00000000
NOT_FREE = 0xC0000B0200000001
PAGE_NOT_FREE = 0xC000030300000008
WALK_FAILED = 0xC0000B0000000001
NOT_BLOCKED = 0xC0000B0600000001
ALREADY_BLOCKED = 0x00000B0700000001
NOT_TRACKED = 0xC0000B0800000001
PROMOTE = 0xC0000B0900000001
INCORRECT = 0xC0000B0D00000001
NO_VE_INFO = 0xC000070400000000
FIELD_ID = 0xC0000C0000000000
NOT_WRITABLE = 0xC0000C0100000000
VALUE_NOT_VALID = 0xC0000C0300000000
FIRST_FIELD = 0x00000C0B00000000
NO_FIELD = (1 << 64) - 1
NOTIFY_ENABLES = 0x9100000000000010
ATTRIBUTES = 0x1110000300000000
CONFIG_FLAGS = 0x1110000300000016
TD_CTLS = 0x1110000300000017
TOPOLOGY_ENUM_CONFIGURED = 0x9100000000000019
FEATURES0 = 0x0A00000300000008
MODULE_2_0 = 1


def tdx(**config: int) -> Tdx:
    return Tdx(LAYOUT, **config)


def status(vm: Tdx, rcx: int) -> int:
    """RAX of a PAGE.ACCEPT that has to complete."""
    outcome, rax, _ = vm.accept(rcx)
    assert outcome == TdxOutcome.DONE
    return rax


def set_state(tree: SeptTree, gpa: int, level: int, state: str) -> None:
    tree.call("set_state", gpa, level, SEPT_STATES.index(state))


def small(state: str) -> SeptTree:
    """A tree whose page entry at 0 is in the state."""
    tree = SeptTree(2)
    assert tree.call("sept_add", 0) == 0
    set_state(tree, 0, 0, state)
    return tree


def large(state: str) -> SeptTree:
    """A tree whose 2M entry at 0 is in the state."""
    tree = SeptTree(2)
    set_state(tree, 0, 1, state)
    return tree


def accept_info(requested: int, level: int, code: int, leaf: int) -> int:
    return (requested | level << 3 | code << 6 | leaf << 14) << 32 | 1


def linux_accept(vm: Tdx, start: int, end: int) -> int:
    """Linux's loop: 1G, 2M, 4K when aligned and long enough. Calls made; -1: it would panic."""
    calls = 0
    while start < end:
        for level, size in ((2, 1 << 30), (1, UNIT), (0, PAGE)):
            if start % size or end - start < size:
                continue
            calls += 1
            if status(vm, start | level) == 0:
                start += size
                break
        else:
            return -1
    return calls
