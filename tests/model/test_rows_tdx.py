# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of sections 2.1-2.8 that a model can show."""

from __future__ import annotations

import struct

import pytest

from tests.model.guest import Layout
from tests.model.library import library
from tests.model.names import (
    SEPT_STATES,
    Attack,
    Kind,
    Reach,
    State,
    Stop,
    TdxOutcome,
    Verdict,
)
from tests.model.recorder import Event
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    NO_CARRY,
    PAGE,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RAX,
    RCX,
    RDX,
    UNIT,
    TdxAnswer,
    TdxVmcall,
)
from tests.model.td import SeptTree, Tdx, vmcall_return, vmcall_status

row = Rows()

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
FIELD_ID = 0xC0000C0000000002
NOT_WRITABLE = 0xC0000C0300000002
NOTIFY_ENABLES = 0x9100000000000010
CONFIG_FLAGS = 0x1110000300000016
TD_CTLS = 0x1110000300000017


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


def accept_info(requested: int, level: int, encoding: int, leaf: int) -> int:
    return (requested | level << 3 | encoding << 6 | leaf << 14) << 32 | 1


# --- 2.1 ------------------------------------------------------------------------------


@row("2.1-leaf-and-version")
def _() -> None:
    vm = tdx()
    bad = (9, 5, 18, 29, 30, 0xFFFF, 1 | 1 << 16, 1 | 1 << 24, 7 | 1 << 63)
    for rax in bad:
        outcome, regs, _ = vm.tdcall({RAX: rax})
        assert (outcome, regs[RAX]) == (TdxOutcome.DONE, INVALID), hex(rax)
        assert regs[RCX] == 0


@row("2.1-only-in-64-bit-mode")
def _() -> None:
    assert tdx().tdcall({RAX: 1}, long_mode=0)[0] == TdxOutcome.GP
    assert tdx().tdcall({RAX: 1}, cpl=3)[0] == TdxOutcome.GP


@row("2.1-status-layout")
def _() -> None:
    """Bit 63 error, class [47:40], detail [39:32], operand or level [31:0]."""
    vm = tdx()
    invalid = status(vm, FRESH | 2)
    assert invalid >> 62 == 3
    assert invalid >> 40 & 0xFF == 1
    assert invalid & 0xFFFFFFFF == 1
    already = status(vm, ACCEPTED | 1)
    assert already >> 63 == 0
    assert (already >> 40 & 0xFF, already >> 32 & 0xFF, already & 0xFFFFFFFF) == (0xB, 0xA, 1)


@row("2.1-vp-vmcall-mask")
def _() -> None:
    vm = tdx()
    for mask in (1, 2, 0x10, 1 << 32, 1 << 63, MASK | 1):
        outcome, regs, _ = vm.tdcall({RCX: mask, R11: 12})
        assert (outcome, regs[RAX]) == (TdxOutcome.DONE, INVALID | 1), hex(mask)
    assert vm.tdcall({RCX: 0xFFEC, R11: 12})[0] == TdxOutcome.VMCALL


@row("2.1-vp-vmcall-passes-only-the-mask")
def _() -> None:
    vm = tdx()
    outcome, regs, answer = vm.tdcall(
        {RCX: 1 << R11 | 1 << R12, R11: 31, R12: 0x10, R13: 5, R10: 9}
    )
    assert outcome == TdxOutcome.VMCALL
    call = answer.vmcall
    assert (call.vendor, call.function, call.index, call.value) == (0, 31, 0x10, 0)
    after = vmcall_return(regs, call, dict.fromkeys(range(16), 0x77))
    changed = {n for n in range(16) if after[n] == 0x77}
    assert changed == {R11, R12}
    assert after[RAX] == 0


@row("2.1-vp-vmcall-vendor")
def _() -> None:
    outcome, _, answer = tdx().tdcall({RCX: MASK, R10: 1, R11: 0x10001, R12: ACCEPTED})
    assert (outcome, answer.vmcall.vendor) == (TdxOutcome.VMCALL, 1)


@row("2.1-vp-info")
def _() -> None:
    vm = tdx(gpaw=52, vcpus=3, attributes=VE_DISABLE | 1)
    outcome, regs, _ = vm.tdcall({RAX: 1, R10: 7, R11: 7}, vcpu=2)
    assert outcome == TdxOutcome.DONE
    assert regs[RCX] & 0x3F == 52
    assert regs[RDX] == VE_DISABLE | 1
    assert (regs[R8], regs[R9], regs[R10], regs[R11]) == (3 | 3 << 32, 2, 0, 0)


@row("2.1-mr-report")
def _() -> None:
    vm = tdx()
    data = vm.recorder.memory(ACCEPTED + 0x1000, 64)
    data[:] = bytes(range(64))
    request = {RAX: 4, RCX: ACCEPTED, RDX: ACCEPTED + 0x1000}
    outcome, regs, _ = vm.tdcall(request)
    assert (outcome, regs[RAX]) == (TdxOutcome.DONE, 0)
    report = bytes(vm.recorder.memory(ACCEPTED, 1024))
    assert report[128:192] == bytes(range(64))
    assert vm.tdcall(request | {RCX: ACCEPTED + 512})[1][RAX] == INVALID | 1
    assert vm.tdcall(request | {RDX: ACCEPTED + 32})[1][RAX] == INVALID | 2
    assert vm.tdcall(request | {R8: 1})[1][RAX] == INVALID | 8
    assert vm.tdcall(request | {RCX: vm.shared_bit | SHARED})[1][RAX] == INVALID | 1


@row("2.1-rtmr-extend")
def _() -> None:
    vm = tdx()
    assert vm.tdcall({RAX: 2, RCX: ACCEPTED, RDX: 3})[1][RAX] == 0
    assert vm.tdcall({RAX: 2, RCX: ACCEPTED, RDX: 4})[1][RAX] == INVALID | 2
    assert vm.tdcall({RAX: 2, RCX: ACCEPTED + 8, RDX: 0})[1][RAX] == INVALID | 1


@row("2.1-vm-rd-wr")
def _() -> None:
    vm = tdx()
    assert vm.tdcall({RAX: 8, RDX: NOTIFY_ENABLES, R8: 1, R9: 1})[1][RAX] == 0
    _, regs, _ = vm.tdcall({RAX: 7, RDX: NOTIFY_ENABLES})
    assert (regs[RAX], regs[R8]) == (0, 1)
    _, regs, _ = vm.tdcall({RAX: 8, RDX: NOTIFY_ENABLES, R8: 0, R9: (1 << 64) - 1})
    assert (regs[RAX], regs[R8]) == (0, 1)
    for rax in (7, 8):
        assert vm.tdcall({RAX: rax, RDX: 0x1234, R9: 1})[1][RAX] == FIELD_ID
    assert vm.tdcall({RAX: 8, RDX: NOTIFY_ENABLES, R8: 2, R9: 2})[1][RAX] == NOT_WRITABLE


# --- 2.2 ------------------------------------------------------------------------------


@row("2.2-1-operand-invalid")
def _() -> None:
    vm = tdx()
    bad = [
        FRESH | 2,  # 1G, which Linux tries first
        FRESH | 3,
        FRESH | 7,
        FRESH | 1 << 3,
        FRESH | 1 << 11,
        FRESH | 1 << 52,
        FRESH | 1 << 63,
        (FRESH + PAGE) | 1,
        vm.shared_bit | FRESH,
        1 << 48,
        1 << 51,
    ]
    for rcx in bad:
        assert status(vm, rcx) == INVALID | 1, hex(rcx)
    assert vm.state(FRESH) == State.HOST
    assert {e.kind for e in vm.events()} == {Kind.ACCEPT}


@row("2.2-1-gpaw-52")
def _() -> None:
    layout = Layout(ram=((0, 2 * UNIT),))
    vm = Tdx(layout, gpaw=52)
    assert status(vm, 1 << 51) == INVALID | 1
    # within the width, but nothing there: the host is asked, and has nothing
    outcome, _, answer = vm.accept(1 << 47)
    assert (outcome, answer.fault.stop) == (TdxOutcome.STOPPED, Stop.NOT_RAM)


@row("2.2-2-above-level-accessible")
def _() -> None:
    """4K asked, 2M MAPPED: ALREADY_ACCEPTED with the level of that leaf, even when locked."""
    for state in ("MAPPED", "BLOCKEDW", "EXPORTED_DIRTY"):
        for locked in (0, 1):
            assert large(state).accept(0, 0, locked)[:2] == (0, ALREADY | 1)
    assert status(tdx(), ACCEPTED + PAGE) == ALREADY | 1


@row("2.2-3-above-level-exit")
def _() -> None:
    encodings = {"FREE": 0x0E, "PENDING": 0x70, "BLOCKED": 0x68, "NL_BLOCKED": 0x08}
    for state, encoding in encodings.items():
        for locked in (0, 1):
            outcome, _, info = large(state).accept(0, 0, locked)
            leaf = state in ("PENDING", "BLOCKED")
            assert (outcome, info) == (1, accept_info(0, 1, encoding, leaf))


@row("2.2-3-host-demotes")
def _() -> None:
    vm = tdx(assign_advance=1)
    vm.events()
    assert vm.sept_state(FRESH) == ("PENDING", 1)
    outcome, rax, answer = vm.accept(FRESH + PAGE)
    assert (outcome, rax, answer.exits) == (TdxOutcome.DONE, 0, 1)
    assert vm.events() == [
        Event(Kind.SPLIT, FRESH, UNIT, 0, NO_CARRY, 0, 0),
        Event(Kind.ACCEPT, FRESH + PAGE, PAGE, 0, NO_CARRY, 0, 0),
    ]
    assert [vm.state(FRESH + n * PAGE) for n in range(3)] == [1, 2, 1]


@row("2.2-4-busy")
def _() -> None:
    vm = tdx()
    vm.accept(FRESH)  # the host has added it
    vm.act("attack_busy", 2)
    assert status(vm, FRESH) == BUSY
    assert status(vm, FRESH + PAGE) == BUSY  # the entry is FREE, but the lock comes first
    for state in ("PENDING", "FREE", "BLOCKED", "MAPPED"):
        assert small(state).accept(0, 0, 1)[:2] == (0, BUSY)
    for state in ("NL_MAPPED", "PENDING", "MAPPED"):
        assert large(state).accept(0, 1, 1)[:2] == (0, BUSY)


@row("2.2-4-busy-timeout")
def _() -> None:
    vm = tdx(busy_limit=3)
    vm.act("attack_busy", 100)
    assert [status(vm, FRESH | 1) for _ in range(3)] == [BUSY] * 3
    outcome, _, answer = vm.accept(FRESH | 1)
    assert (outcome, answer.fault.stop) == (TdxOutcome.STOPPED, Stop.NO_PROGRESS)
    assert answer.fault.exit_info == 0x9000020500000000


@row("2.2-5-size-mismatch")
def _() -> None:
    for state in ("NL_MAPPED", "NL_BLOCKED"):
        assert large(state).accept(0, 1)[:2] == (0, MISMATCH | 1)
    vm = tdx(backing_4k=1)
    assert status(vm, FRESH | 1) == MISMATCH | 1
    assert vm.state(FRESH) == State.UNACCEPTED


@row("2.2-6-already-accepted")
def _() -> None:
    accessible = (
        "MAPPED",
        "BLOCKEDW",
        "EXPORTED_BLOCKEDW",
        "EXPORTED_DIRTY",
        "EXPORTED_DIRTY_BLOCKEDW",
    )
    for state in accessible:
        assert small(state).accept(0, 0)[:2] == (0, ALREADY)
        assert large(state).accept(0, 1)[:2] == (0, ALREADY | 1)
    vm = tdx()
    before = vm.dump()
    assert status(vm, ACCEPTED | 1) == ALREADY | 1
    assert vm.dump() == before
    assert vm.events() == [Event(Kind.ACCEPT, ACCEPTED, UNIT, ALREADY | 1, NO_CARRY, 0, 0)]


@row("2.2-7-not-acceptable-exit")
def _() -> None:
    refused = (
        "FREE",
        "REMOVED",
        "BLOCKED",
        "PENDING_BLOCKED",
        "PENDING_BLOCKEDW",
        "PENDING_EXPORTED_BLOCKEDW",
        "PENDING_EXPORTED_DIRTY_BLOCKEDW",
    )
    for state in refused:
        assert small(state).accept(0, 0)[0] == 1
        assert large(state).accept(0, 1)[0] == 1
    vm = tdx()
    vm.accept(FRESH | 1)
    vm.act("attack_block", FRESH)
    outcome, _, answer = vm.accept(FRESH | 1)
    assert (outcome, answer.fault.stop) == (TdxOutcome.STOPPED, Stop.BLOCKED)


@row("2.2-8-pending")
def _() -> None:
    for level, tree in ((0, small("PENDING")), (1, large("PENDING"))):
        assert tree.accept(0, level)[0] == 2
        while not tree.call("accept_page_done", 0, level):
            pass
        assert tree.state(0) == ("MAPPED", level)
    tree = small("PENDING_EXPORTED_DIRTY")
    assert tree.accept(0, 0)[0] == 2
    tree.call("accept_page_done", 0, 0)
    assert tree.state(0)[0] == "EXPORTED_DIRTY"
    vm = tdx()
    assert status(vm, FRESH | 1) == 0
    assert vm.access(FRESH + PAGE, Reach.WRITE)[0] == Verdict.ALLOWED
    assert vm.accepted() == 2 * UNIT


@row("2.2-exit-does-not-advance")
def _() -> None:
    """The same TDCALL runs again after the host's AUG: one call, one event."""
    vm = tdx()
    outcome, regs, answer = vm.tdcall({RAX: 6, RCX: FRESH | 1})
    assert (outcome, regs[RAX], answer.exits) == (TdxOutcome.DONE, 0, 1)
    assert [e.kind for e in vm.events()] == [Kind.ASSIGN, Kind.ACCEPT]
    outcome, regs, answer = vm.tdcall({RAX: 6, RCX: SHARED})
    assert (outcome, regs[RAX]) == (TdxOutcome.STOPPED, 6)
    assert (answer.fault.stop, answer.gpa) == (Stop.NOT_ASSIGNED, SHARED)


@row("2.2-zeroed")
def _() -> None:
    """What was accessible or shared before reads as zeros; memory never used is not touched."""
    vm = tdx()
    assert status(vm, FRESH | 1) == 0
    assert vm.recorder.scrubs() == []
    for used in (FRESH, ACCEPTED + PAGE):
        vm.recorder.memory(used, 6)[:] = b"secret"
    assert vm.act("attack_remove_aug", FRESH) == 0
    assert status(vm, FRESH) == 0
    assert bytes(vm.recorder.memory(FRESH, 6)) == bytes(6)
    assert vm.map_gpa(vm.shared_bit | ACCEPTED, UNIT)[1] == 0
    assert vm.map_gpa(ACCEPTED, UNIT)[1] == 0
    assert status(vm, ACCEPTED | 1) == 0
    assert bytes(vm.recorder.memory(ACCEPTED + PAGE, 6)) == bytes(6)
    vm.recorder.memory(SHARED, 6)[:] = b"public"
    assert vm.map_gpa(SHARED, PAGE)[1] == 0
    assert status(vm, SHARED) == 0
    assert bytes(vm.recorder.memory(SHARED, 6)) == bytes(6)


@row("2.2-2m-interruptible")
def _() -> None:
    vm = tdx()
    vm.act("attack_remove_aug", ACCEPTED)  # for stale content in a unit of its own
    vm.map_gpa(vm.shared_bit | FRESH, UNIT)
    vm.map_gpa(FRESH, UNIT)
    vm.events()
    vm.recorder.interrupt_at(10)
    outcome, regs, _ = vm.tdcall({RAX: 6, RCX: FRESH | 1})
    assert (outcome, regs[RAX], regs[RCX]) == (TdxOutcome.INTERRUPTED, 6, FRESH | 1)
    assert vm.sept_state(FRESH) == ("PENDING", 1)
    assert len(vm.recorder.scrubs()) == 10
    assert [e.kind for e in vm.events()] == [Kind.ASSIGN]
    vm.recorder.interrupt_at(0)
    assert status(vm, FRESH | 1) == 0
    # resumed: the first ten are not zeroed again
    assert vm.recorder.scrubs()[0] == (FRESH + 10 * PAGE, PAGE)
    assert len(vm.recorder.scrubs()) == 502


@row("2.2-4k-not-interruptible")
def _() -> None:
    vm = tdx(backing_4k=1)
    vm.recorder.interrupt_at(1)
    assert status(vm, FRESH) == 0


@row("2.2-counter-cleared")
def _() -> None:
    """BLOCK, DEMOTE and REMOVE forget the progress of an interrupted accept."""

    for leaf, arguments in (
        ("range_block", (0, 1)),
        ("page_demote", (0,)),
        ("page_remove", (0, 1)),
    ):
        tree = SeptTree(2, running=False)
        set_state(tree, 0, 1, "PENDING")
        for _ in range(100):
            assert tree.call("accept_page_done", 0, 1) == 0
        assert tree.counter(0) == 100
        assert tree.call("accept_next", 0, 1) == 100 * PAGE
        assert tree.call(leaf, *arguments) == 0
        assert tree.counter(0) == 0


@row("2.2-content-never-visible")
def _() -> None:
    vm = tdx()
    for state in ("FREE", "PENDING"):
        assert vm.sept_state(FRESH)[0] == state
        assert vm.access(FRESH)[0] == Verdict.STOPPED


# --- 2.3 ------------------------------------------------------------------------------


@row("2.3-exit-information")
def _() -> None:
    vm = tdx()
    vm.act("attack_block", ACCEPTED)
    outcome, _, answer = vm.accept(ACCEPTED | 1)
    assert outcome == TdxOutcome.STOPPED
    assert answer.fault.platform == 48
    assert answer.fault.exit_info == accept_info(1, 1, 0x68, 1)
    assert answer.gpa == ACCEPTED


@row("2.3-requested-level-decides-aug")
def _() -> None:
    vm = tdx()
    vm.accept(FRESH | 1)
    vm.accept(FRESH + UNIT)
    assigned = [(e.gpa, e.size) for e in vm.events() if e.kind == Kind.ASSIGN]
    assert assigned == [(FRESH, UNIT), (FRESH + UNIT, PAGE)]


@row("2.3-eeq-types")
def _() -> None:
    """0 for a plain access, 1 for an accept, 6 for a pending page."""
    assert large("FREE").access(0, Reach.READ, 1) == (2, 0)
    assert large("FREE").accept(0, 1)[2] & 0xFFFFFFFF == 1
    assert large("PENDING").access(0, Reach.READ, 1) == (2, 6)


# --- 2.4 ------------------------------------------------------------------------------

# state: encoding, API code, guest may read, guest may write, ACCEPT (None: exit)
STATES: dict[str, tuple[int, int, bool, bool, str]] = {
    "FREE": (0x0E, 0, False, False, "exit"),
    "REMOVED": (0x0C, 5, False, False, "exit"),
    "NL_MAPPED": (0x00, 132, False, False, "mismatch"),
    "NL_BLOCKED": (0x08, 129, False, False, "mismatch"),
    "MAPPED": (0x60, 4, True, True, "already"),
    "BLOCKED": (0x68, 1, False, False, "exit"),
    "BLOCKEDW": (0x64, 8, True, False, "already"),
    "PENDING": (0x70, 2, False, False, "zero"),
    "PENDING_BLOCKED": (0x78, 3, False, False, "exit"),
    "PENDING_BLOCKEDW": (0x74, 16, False, False, "exit"),
    "EXPORTED_BLOCKEDW": (0x66, 9, True, False, "already"),
    "EXPORTED_DIRTY": (0x63, 11, True, True, "already"),
    "EXPORTED_DIRTY_BLOCKEDW": (0x67, 12, True, False, "already"),
    "PENDING_EXPORTED_BLOCKEDW": (0x76, 17, False, False, "exit"),
    "PENDING_EXPORTED_DIRTY": (0x73, 19, False, False, "zero"),
    "PENDING_EXPORTED_DIRTY_BLOCKEDW": (0x77, 20, False, False, "exit"),
}
assert list(STATES) == SEPT_STATES


def state_vector(name: str) -> Vector:
    def vector() -> None:
        encoding, api, readable, writable, accepted = STATES[name]
        lib = library()
        assert lib.sept_encoding(SEPT_STATES.index(name)) == encoding
        assert lib.sept_api_code(SEPT_STATES.index(name)) == api
        tree = large(name)
        if name != "NL_MAPPED":  # the walk goes on below it
            assert (tree.access(0, Reach.READ, 1)[0] == 0) == readable
            assert (tree.access(0, Reach.WRITE, 1)[0] == 0) == writable
        outcome, rax, _ = tree.accept(0, 1)
        found = {1: "exit", 2: "zero"}.get(outcome)
        if outcome == 0:
            found = "already" if rax >> 32 == 0xB0A else "mismatch"
        assert found == accepted

    return vector


for _name in STATES:
    row(f"2.4-{_name.lower().replace('_', '-')}")(state_vector(_name))


# --- 2.5 ------------------------------------------------------------------------------


@row("2.5-sept-add")
def _() -> None:
    tree = SeptTree(2)
    assert tree.call("sept_add", 0) == 0
    assert tree.state(0) == ("FREE", 0)
    assert tree.call("sept_add", 0) == NOT_FREE
    assert tree.call("sept_add", PAGE) == INVALID | 1
    assert tree.call("sept_add", 2 * UNIT) == INVALID | 1


@row("2.5-page-add")
def _() -> None:
    tree = SeptTree(2, running=False)
    assert tree.call("page_add", 0) == WALK_FAILED
    tree.call("sept_add", 0)
    assert tree.call("page_add", 0) == 0
    assert tree.state(0) == ("MAPPED", 0)
    assert tree.call("page_add", 0) == NOT_FREE
    late = SeptTree(2)
    late.call("sept_add", 0)
    assert late.call("page_add", 0) == 0xC000060800000000
    assert late.state(0) == ("FREE", 0)


@row("2.5-page-aug")
def _() -> None:
    for state in ("FREE", "REMOVED"):
        tree = large(state)
        assert tree.call("page_aug", 0, 1, 0) == 0
        assert tree.state(0) == ("PENDING", 1)
    for state in ("PENDING", "MAPPED", "BLOCKED", "NL_MAPPED"):
        assert large(state).call("page_aug", 0, 1, 0) == NOT_FREE
    assert SeptTree(2).call("page_aug", 0, 0, 0) == WALK_FAILED
    assert SeptTree(2).call("page_aug", 0, 1, UNIT) == PAGE_NOT_FREE
    assert SeptTree(2).call("page_aug", 0, 2, 0) == INVALID | 1
    assert SeptTree(2).call("page_aug", PAGE, 1, PAGE) == INVALID | 1


BLOCKS = {
    "NL_MAPPED": "NL_BLOCKED",
    "MAPPED": "BLOCKED",
    "BLOCKEDW": "BLOCKED",
    "PENDING": "PENDING_BLOCKED",
    "PENDING_BLOCKEDW": "PENDING_BLOCKED",
}


@row("2.5-range-block")
def _() -> None:
    for state in STATES:
        tree = large(state)
        result = tree.call("range_block", 0, 1)
        if state in BLOCKS:
            assert result == 0
            assert tree.state(0) == (BLOCKS[state], 1)
        elif state in BLOCKS.values():
            assert result == ALREADY_BLOCKED
        else:
            assert result == INCORRECT


@row("2.5-range-unblock")
def _() -> None:
    for blocked in ("MAPPED", "PENDING"):
        tree = large(blocked)
        tree.call("range_block", 0, 1)
        assert tree.call("range_unblock", 0, 1) == NOT_TRACKED
        assert tree.call("track") == 0
        assert tree.call("range_unblock", 0, 1) == 0
        assert tree.state(0) == (blocked, 1)
        assert tree.call("range_unblock", 0, 1) == INCORRECT
    tree = large("NL_MAPPED")
    tree.call("range_block", 0, 1)
    assert tree.call("page_aug", 0, 0, 0) == WALK_FAILED
    tree.call("track")
    assert tree.call("range_unblock", 0, 1) == 0
    assert tree.call("page_aug", 0, 0, 0) == 0


@row("2.5-page-remove")
def _() -> None:
    for state in ("MAPPED", "BLOCKEDW", "PENDING", "PENDING_BLOCKEDW"):
        tree = large(state)
        assert tree.call("page_remove", 0, 1) == NOT_BLOCKED
        tree.call("range_block", 0, 1)
        assert tree.call("page_remove", 0, 1) == NOT_TRACKED
        tree.call("track")
        assert tree.call("page_remove", 0, 1) == 0
        assert tree.state(0) == ("FREE", 1)
        quiet = SeptTree(2, running=False)
        set_state(quiet, 0, 1, state)
        assert quiet.call("page_remove", 0, 1) == 0
    for state in ("FREE", "REMOVED", "NL_MAPPED", "NL_BLOCKED", "EXPORTED_DIRTY"):
        assert large(state).call("page_remove", 0, 1) == INCORRECT


@row("2.5-page-demote")
def _() -> None:
    for state in ("MAPPED", "PENDING"):
        tree = large(state)
        assert tree.call("page_demote", 0) == NOT_BLOCKED
        tree.call("range_block", 0, 1)
        assert tree.call("page_demote", 0) == NOT_TRACKED
        tree.call("track")
        assert tree.call("page_demote", 0) == 0
        assert [tree.state(n * PAGE) for n in (0, 511)] == [(state, 0)] * 2
        assert tree.state(UNIT) == ("FREE", 1)
    for state in ("FREE", "NL_MAPPED", "BLOCKEDW", "EXPORTED_DIRTY"):
        assert large(state).call("page_demote", 0) == INCORRECT


@row("2.5-page-promote")
def _() -> None:
    for state in ("MAPPED", "PENDING"):
        tree = SeptTree(2)
        tree.call("sept_add", 0)
        for page in range(512):
            set_state(tree, page * PAGE, 0, state)
        assert tree.call("page_promote", 0) == 0
        assert tree.state(511 * PAGE) == (state, 1)
    mixed = small("MAPPED")
    assert mixed.call("page_promote", 0) == PROMOTE
    for page in range(511):
        set_state(mixed, page * PAGE, 0, "MAPPED")
    assert mixed.call("page_promote", 0) == PROMOTE
    assert small("FREE").call("page_promote", 0) == PROMOTE
    assert small("BLOCKED").call("page_promote", 0) == PROMOTE
    assert large("MAPPED").call("page_promote", 0) == INCORRECT


@row("2.5-page-accept")
def _() -> None:
    vm = tdx()
    assert status(vm, FRESH | 1) == 0
    assert vm.sept_state(FRESH) == ("MAPPED", 1)


@row("2.5-wrong-state")
def _() -> None:
    tree = large("REMOVED")
    for call, arguments in (
        ("range_block", (0, 1)),
        ("range_unblock", (0, 1)),
        ("page_remove", (0, 1)),
        ("page_demote", (0,)),
        ("page_promote", (0,)),
    ):
        assert tree.call(call, *arguments) == INCORRECT


@row("2.5-remove-and-aug")
def _() -> None:
    """An accepted page that the host swaps is pending again, never stale or the host's."""
    vm = tdx()
    assert vm.act("attack_remove_aug", ACCEPTED + PAGE) == 0
    verdict, fault = vm.access(ACCEPTED + PAGE)
    assert (verdict, fault.stop) == (Verdict.STOPPED, Stop.PENDING)
    assert vm.access(ACCEPTED)[0] == Verdict.ALLOWED
    assert vm.accepted() == UNIT - PAGE
    assert (ACCEPTED + PAGE, PAGE) in vm.recorder.lost()
    noisy = tdx(attributes=0)
    noisy.act("attack_remove_aug", ACCEPTED)
    assert noisy.access(ACCEPTED)[0] == Verdict.GUEST_FAULT


# --- 2.6 ------------------------------------------------------------------------------


@row("2.6-pending-ve")
def _() -> None:
    vm = tdx(attributes=0)
    qualifications = {Reach.READ: 0x181, Reach.WRITE: 0x182, Reach.FETCH: 0x184, Reach.WALK: 0x081}
    for reach, qualification in qualifications.items():
        verdict, fault = vm.access(FRESH + 0x123, reach)
        assert verdict == Verdict.GUEST_FAULT
        ve = fault.ve
        assert (ve.reason, ve.qualification) == (48, qualification)
        assert (ve.gpa, ve.gla) == (FRESH + 0x123, (FRESH + 0x123) ^ 0xFFFF << 32)


@row("2.6-pending-exit")
def _() -> None:
    verdict, fault = tdx().access(FRESH)
    assert (verdict, fault.stop) == (Verdict.STOPPED, Stop.PENDING)
    assert (fault.platform, fault.exit_info) == (48, 6)


@row("2.6-free-exit-host-augs")
def _() -> None:
    """The host adds the page at a plain access; the retry sees it pending."""
    for backing_4k, size in ((0, UNIT), (1, PAGE)):
        vm = tdx(attributes=0, backing_4k=backing_4k)
        assert vm.access(FRESH)[0] == Verdict.GUEST_FAULT
        assert vm.events() == [Event(Kind.ASSIGN, FRESH, size, 0, NO_CARRY, 0, 0)]


@row("2.6-blocked-exit")
def _() -> None:
    for attributes in (0, VE_DISABLE):
        vm = tdx(attributes=attributes)
        vm.act("attack_block", ACCEPTED)
        verdict, fault = vm.access(ACCEPTED)
        assert (verdict, fault.stop, fault.exit_info) == (Verdict.STOPPED, Stop.BLOCKED, 0)
        assert vm.act("attack_remove", FRESH) == -1
        vm.accept(FRESH | 1)
        assert vm.act("attack_remove", FRESH) == 0
        assert vm.access(FRESH)[1].stop == Stop.BLOCKED


@row("2.6-beyond-width")
def _() -> None:
    for gpaw in (48, 52):
        vm = Tdx(Layout(ram=((0, UNIT),)), gpaw=gpaw)
        for gpa in (1 << (gpaw - 1), 1 << gpaw):
            for private in (0, 1):
                assert vm.access(gpa, private=private)[0] == Verdict.RESERVED
        assert vm.access((1 << (gpaw - 1)) - PAGE)[1].stop == Stop.NOT_RAM


@row("2.6-shared-not-mapped")
def _() -> None:
    vm = tdx()
    assert vm.access(HOLE, private=0)[0] == Verdict.MMIO
    assert vm.access(0xFEE00000, private=0)[0] == Verdict.MMIO
    assert vm.access(HOLE)[1].stop == Stop.NOT_RAM
    assert vm.access(SHARED, private=0)[0] == Verdict.ALLOWED
    assert vm.access(SHARED)[1].stop == Stop.NOT_ASSIGNED
    assert vm.access(ACCEPTED, private=0)[1].stop == Stop.SHARED_ACCESS


@row("2.6-ve-disable-from-attributes")
def _() -> None:
    for attributes, control in ((0, 0), (VE_DISABLE, 1), (VE_DISABLE | 1, 1)):
        assert tdx(attributes=attributes).tdcall({RAX: 7, RDX: TD_CTLS})[1][R8] == control


@row("2.6-ve-disable-flexible")
def _() -> None:
    vm = tdx(attributes=0)
    write = {RAX: 8, RDX: TD_CTLS, R8: 1, R9: 1}
    assert vm.tdcall(write)[1][RAX] == NOT_WRITABLE
    assert vm.access(FRESH)[0] == Verdict.GUEST_FAULT
    vm = tdx(attributes=0, config_flags=2)
    assert vm.access(FRESH)[0] == Verdict.GUEST_FAULT
    assert vm.tdcall(write)[1][RAX] == 0
    assert vm.access(FRESH)[0] == Verdict.STOPPED
    assert vm.tdcall(write | {R8: 0})[1][R8] == 1
    assert vm.access(FRESH)[0] == Verdict.GUEST_FAULT


@row("2.6-module-touches-buffer")
def _() -> None:
    report = {RAX: 4, RCX: FRESH, RDX: ACCEPTED}
    outcome, _, answer = tdx(attributes=0).tdcall(report)
    assert (outcome, answer.fault.ve.gpa) == (TdxOutcome.FAULT_VE, FRESH)
    outcome, regs, answer = tdx().tdcall(report)
    assert (outcome, answer.fault.stop, regs[RAX]) == (TdxOutcome.STOPPED, Stop.PENDING, 4)
    outcome, _, answer = tdx().tdcall(report | {RCX: ACCEPTED, RDX: SHARED})
    assert (outcome, answer.gpa) == (TdxOutcome.STOPPED, SHARED)


@row("2.6-veinfo-get")
def _() -> None:
    vm = tdx()
    assert vm.tdcall({RAX: 3})[1][RAX] == NO_VE_INFO
    raised = vm.raise_ve(10, length=2, info=7, qualification=3, gla=4, gpa=5)
    assert raised == 0
    assert vm.tdcall({RAX: 3}, vcpu=1)[1][RAX] == NO_VE_INFO
    _, regs, _ = vm.tdcall({RAX: 3})
    assert (regs[RAX], regs[RCX], regs[RDX]) == (0, 10, 3)
    assert (regs[R8], regs[R9], regs[R10]) == (4, 5, 7 << 32 | 2)
    assert vm.tdcall({RAX: 3})[1][RAX] == NO_VE_INFO


@row("2.6-second-ve-is-df")
def _() -> None:
    vm = tdx()
    assert vm.raise_ve(10) == 0
    assert vm.raise_ve(12, vcpu=1) == 0
    assert vm.raise_ve(12) == 1
    assert vm.tdcall({RAX: 3})[1][RCX] == 10
    assert vm.raise_ve(12) == 0


# --- 2.7 ------------------------------------------------------------------------------


@row("2.7-mapgpa-shared")
def _() -> None:
    vm = tdx()
    vm.events()
    outcome, r10, _ = vm.map_gpa(vm.shared_bit | ACCEPTED, UNIT)
    assert (outcome, r10) == (TdxOutcome.DONE, 0)
    assert vm.recorder.lost() == [(ACCEPTED, UNIT)]
    assert vm.access(ACCEPTED, Reach.WRITE, private=0)[0] == Verdict.ALLOWED
    assert vm.access(ACCEPTED)[1].stop == Stop.NOT_ASSIGNED
    assert vm.accepted() == 0
    assert vm.events() == [
        Event(Kind.CONVERT, ACCEPTED, UNIT, 0, NO_CARRY, 2, 0),
        Event(Kind.REMOVE, ACCEPTED, UNIT, 0, NO_CARRY, 0, 0),
    ]


@row("2.7-mapgpa-part-of-2m")
def _() -> None:
    vm = tdx()
    assert vm.map_gpa(vm.shared_bit | ACCEPTED + PAGE, 2 * PAGE)[1] == 0
    assert [vm.state(ACCEPTED + n * PAGE) for n in range(4)] == [2, 0, 0, 2]
    assert [(e.kind, e.size) for e in vm.events()] == [
        (Kind.CONVERT, 2 * PAGE),
        (Kind.SPLIT, UNIT),
        (Kind.REMOVE, 2 * PAGE),
    ]


@row("2.7-r10-codes")
def _() -> None:
    vm = tdx()
    invalid, align = 1 << 63, 1 << 63 | 2
    shared = vm.shared_bit
    cases = {
        (ACCEPTED, 0): invalid,
        (ACCEPTED, (1 << 64) - ACCEPTED): invalid,
        (shared - PAGE, 2 * PAGE): invalid,  # from private to shared
        (shared - PAGE, 2 * PAGE + 8): invalid,  # seen before the alignment
        (HOLE, PAGE): invalid,
        (TOP - PAGE, 2 * PAGE): invalid,
        (1 << 48, PAGE): invalid,
        (ACCEPTED + 8, PAGE): align,
        (ACCEPTED, 100): align,
    }
    for (start, size), expected in cases.items():
        _, r10, r11 = vm.map_gpa(start, size)
        assert (r10, r11) == (expected, start), (hex(start), hex(size))
    assert vm.accepted() == UNIT


@row("2.7-retry-chunks")
def _() -> None:
    vm = tdx(map_gpa_chunk=UNIT)
    start, end = vm.shared_bit | FRESH, vm.shared_bit | FRESH + 2 * UNIT + PAGE
    seen = []
    while True:
        _, r10, r11 = vm.map_gpa(start, end - start)
        seen.append(r10)
        if r10 != 1:
            break
        assert start < r11 < end
        start = r11
    assert seen == [1, 1, 0]
    assert vm.access(FRESH + 2 * UNIT, private=0)[0] == Verdict.ALLOWED
    assert vm.access(FRESH + 2 * UNIT + PAGE, private=0)[0] == Verdict.STOPPED


@row("2.7-retry-without-progress")
def _() -> None:
    vm = tdx()
    vm.act("attack_retry", 3)
    start = vm.shared_bit | ACCEPTED
    assert [vm.map_gpa(start, UNIT)[1:] for _ in range(3)] == [(1, start)] * 3
    assert vm.accepted() == UNIT
    assert vm.map_gpa(start, UNIT)[1] == 0


@row("2.7-others-decoded")
def _() -> None:
    vm = tdx()

    def decode(**regs: int) -> TdxVmcall:
        names = {"r11": R11, "r12": R12, "r13": R13, "r14": R14, "r15": R15}
        given = {names[name]: value for name, value in regs.items()}
        outcome, _, answer = vm.tdcall({RCX: MASK} | given)
        assert outcome == TdxOutcome.VMCALL
        assert isinstance(answer, TdxAnswer)
        call: TdxVmcall = answer.vmcall
        assert call.function == regs["r11"]
        return call

    call = decode(r11=10, r12=0x80000008, r13=2)
    assert (call.index, call.subleaf, call.valid) == (0x80000008, 2, 1)
    assert decode(r11=10, r12=1 << 32).valid == 0
    assert decode(r11=12, r12=1).interrupts_blocked == 1
    call = decode(r11=30, r12=4, r13=1, r14=0xCF8, r15=0x80000000)
    assert (call.size, call.write, call.index, call.value) == (4, 1, 0xCF8, 0x80000000)
    for bad in ({"r12": 3}, {"r12": 8}, {"r12": 0}, {"r13": 2}, {"r14": 1 << 16}, {"r12": 0x104}):
        assert decode(**({"r11": 30, "r12": 1, "r13": 0, "r14": 0x3F8} | bad)).valid == 0
    assert decode(r11=31, r12=0x1B).index == 0x1B
    call = decode(r11=32, r12=0x1B, r13=0xFEE00900)
    assert (call.index, call.value, call.valid) == (0x1B, 0xFEE00900, 1)
    call = decode(r11=48, r12=8, r13=1, r14=vm.shared_bit | 0xFEC00000, r15=7)
    assert (call.size, call.write, call.gpa, call.value) == (8, 1, 0xFEC00000, 7)
    assert decode(r11=48, r12=5, r14=0xFEC00000).valid == 0
    call = decode(r11=0x10002, r12=SHARED, r13=PAGE)
    assert (call.gpa, call.value) == (SHARED, PAGE)
    assert decode(r11=0x10003, r12=1).gpa == 1
    assert decode(r11=0x99).valid == 1


@row("2.7-status-return")
def _() -> None:
    regs = [100 + n for n in range(16)]
    after = vmcall_status(regs, TdxVmcall(mask=MASK), 1 << 63, 77)
    expected = dict(enumerate(regs)) | {RAX: 0, R10: 1 << 63, R11: 77}
    assert after == list(expected.values())


@row("2.7-shared-bit")
def _() -> None:
    for gpaw in (48, 52):
        vm = Tdx(Layout(ram=((0, UNIT),)), gpaw=gpaw)
        assert vm.lib.tdx_vm_shared_bit(vm.vm) == 1 << (gpaw - 1)
        assert vm.map_gpa(1 << (gpaw - 1), PAGE)[1] == 0
        assert vm.access(0, private=0)[0] == Verdict.ALLOWED


@row("2.7-private-to-shared")
def _() -> None:
    vm = tdx()
    vm.map_gpa(vm.shared_bit | ACCEPTED, PAGE)
    assert vm.sept_state(ACCEPTED) == ("FREE", 0)


@row("2.7-shared-to-private")
def _() -> None:
    """MapGPA alone is not enough; after ACCEPT the page is there, and zero."""
    vm = tdx()
    vm.events()
    vm.recorder.memory(SHARED, 2)[:] = b"xx"
    assert vm.map_gpa(SHARED, PAGE)[1] == 0
    assert vm.recorder.lost() == [(SHARED, PAGE)]
    assert vm.access(SHARED)[1].stop == Stop.PENDING
    assert status(vm, SHARED) == 0
    assert vm.access(SHARED)[0] == Verdict.ALLOWED
    assert bytes(vm.recorder.memory(SHARED, 2)) == bytes(2)


@row("2.7-lazy-accept")
def _() -> None:
    vm = tdx()
    assert status(vm, FRESH | 1) == 0
    assert [e.kind for e in vm.events()] == [Kind.ASSIGN, Kind.ACCEPT]


# --- 2.8 ------------------------------------------------------------------------------


@row("2.8-detect-and-vp-info")
def _() -> None:
    _, regs, _ = tdx().tdcall({RAX: 1})
    assert (regs[RAX], regs[RCX], regs[RDX]) == (0, 48, VE_DISABLE)


@row("2.8-notify-enables")
def _() -> None:
    _, regs, _ = tdx().tdcall({RAX: 8, RDX: NOTIFY_ENABLES, R8: 0, R9: (1 << 64) - 1})
    assert regs[RAX] == 0


@row("2.8-config-flags")
def _() -> None:
    for flags in (0, 2):
        vm = tdx(config_flags=flags)
        assert vm.tdcall({RAX: 7, RDX: CONFIG_FLAGS})[1][R8] == flags
        assert vm.tdcall({RAX: 8, RDX: CONFIG_FLAGS, R8: 3, R9: 3})[1][RAX] == NOT_WRITABLE


@row("2.8-attribute-bits")
def _() -> None:
    for bit in (0, 28, 29, 30, 31, 63):
        assert tdx(attributes=1 << bit).tdcall({RAX: 1})[1][RDX] == 1 << bit


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


@row("2.8-accept-loop")
def _() -> None:
    layout = Layout(ram=((0, 1 << 30),))
    assert linux_accept(Tdx(layout), 0, 4 * UNIT) == 4
    # 1G is tried first, and always invalid
    assert linux_accept(Tdx(layout), 0, 1 << 30) == 513


@row("2.8-fatal-at-4k")
def _() -> None:
    assert linux_accept(tdx(), ACCEPTED, ACCEPTED + PAGE) == -1
    vm = tdx()
    vm.act("attack_busy", 10)
    assert linux_accept(vm, FRESH, FRESH + PAGE) == -1


@row("2.8-calls-on-4k-host")
def _() -> None:
    assert linux_accept(tdx(backing_4k=1), FRESH, FRESH + UNIT) == 1 + 512


# --- section 6 ------------------------------------------------------------------------


@row("6.5-accept-order")
def _() -> None:
    """Each case wins over those after it."""
    vm = tdx()
    vm.act("attack_busy", 1)
    assert status(vm, vm.shared_bit | ACCEPTED | 1) == INVALID | 1
    assert status(vm, ACCEPTED) == ALREADY | 1  # case 2, though locked
    outcome, rax, answer = vm.accept(FRESH | 1)  # case 7 comes after the lock
    assert (outcome, rax, answer.exits) == (TdxOutcome.DONE, BUSY, 0)
    assert status(vm, FRESH | 1) == 0


@row("6.6-pending-choice-at-access")
def _() -> None:
    vm = tdx(attributes=0, config_flags=2)
    seen = []
    for value in (0, 1, 0):
        vm.tdcall({RAX: 8, RDX: TD_CTLS, R8: value, R9: 1})
        seen.append(vm.access(FRESH)[0])
    assert seen == [Verdict.GUEST_FAULT, Verdict.STOPPED, Verdict.GUEST_FAULT]


@row("6.7-mapgpa-private-is-pending")
def _() -> None:
    vm = tdx(assign_advance=1)
    vm.map_gpa(vm.shared_bit | ACCEPTED, UNIT)
    vm.map_gpa(ACCEPTED, UNIT)
    assert vm.sept_state(ACCEPTED) == ("PENDING", 1)
    assert vm.access(ACCEPTED)[0] == Verdict.STOPPED


@row("6.8-host-policies-tdx")
def _() -> None:
    calls = [linux_accept(tdx(backing_4k=n), FRESH, FRESH + UNIT) for n in (0, 1)]
    assert calls == [1, 513]


@row("6.9-awkward-ranges-tdx")
def _() -> None:
    layout = Layout(ram=((0x3000, 0x5000), (UNIT + 0x7000, 2 * UNIT), (5 * UNIT, UNIT + PAGE)))
    vm = Tdx(layout)
    assert status(vm, 2 * UNIT | 1) == 0
    assert status(vm, 6 * UNIT | 1) == MISMATCH | 1
    for start, size in layout.ram:
        for gpa in (start, start + size - PAGE):
            if vm.state(gpa) != State.ACCEPTED:
                assert status(vm, gpa) == 0
        assert vm.accept(start + size)[0] == TdxOutcome.STOPPED
        assert vm.accept(start - PAGE)[0] == TdxOutcome.STOPPED


@row("6.10-trace-alone-tdx")
def _() -> None:
    vm = tdx()
    status(vm, FRESH | 1)
    vm.map_gpa(vm.shared_bit | FRESH + PAGE, PAGE)
    vm.map_gpa(vm.shared_bit | ACCEPTED, UNIT)
    vm.map_gpa(ACCEPTED, UNIT)
    status(vm, ACCEPTED | 1)
    status(vm, FRESH + UNIT)
    pages = {ACCEPTED + n * PAGE: State.ACCEPTED for n in range(512)}
    effect = {
        Kind.ASSIGN: State.UNACCEPTED,
        Kind.ACCEPT: State.ACCEPTED,
        Kind.REMOVE: State.HOST,
    }
    for event in vm.events():
        if event.kind in effect and not event.result:
            for gpa in range(event.gpa, event.gpa + event.size, PAGE):
                pages[gpa] = effect[Kind(event.kind)]
    for gpa in range(0x100000, TOP, PAGE):
        assert vm.state(gpa) == pages.get(gpa, State.HOST)


@row("6.10-attacks-are-events")
def _() -> None:
    vm = tdx()
    vm.act("attack_remove_aug", ACCEPTED)
    vm.act("attack_remove", ACCEPTED + PAGE)
    vm.act("attack_block", ACCEPTED + 2 * PAGE)
    vm.act("attack_busy", 1)
    vm.act("attack_retry", 1)
    attacks = [e.detail for e in vm.events() if e.kind == Kind.ATTACK]
    expected = [Attack.REMOVE_AUG, Attack.REMOVE, Attack.BLOCK, Attack.BUSY, Attack.RETRY]
    assert attacks == expected


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()


def test_report_header_is_typed() -> None:
    """TYPE 0x81 marks a TDX report (so that a guest driver finds the form that it expects)."""
    vm = tdx()
    vm.tdcall({RAX: 4, RCX: ACCEPTED, RDX: ACCEPTED + PAGE})
    assert struct.unpack_from("<B", vm.recorder.memory(ACCEPTED, 1))[0] == 0x81
