# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.2: what TDG.MEM.PAGE.ACCEPT answers."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import (
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
    RAX,
    RCX,
    UNIT,
)
from tests.model.td import SeptTree, Tdx
from tests.model.vectors.tdx import (
    ACCEPTED,
    ALREADY,
    BUSY,
    FRESH,
    INVALID,
    MISMATCH,
    SHARED,
    accept_info,
    large,
    set_state,
    small,
    status,
    tdx,
)

row = Rows()


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
    codes = {"FREE": 0, "PENDING": 2, "BLOCKED": 1, "NL_BLOCKED": 129}
    for state, code in codes.items():
        for locked in (0, 1):
            outcome, _, info = large(state).accept(0, 0, locked)
            leaf = state in ("PENDING", "BLOCKED")
            assert (outcome, info) == (1, accept_info(0, 1, code, leaf))


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
