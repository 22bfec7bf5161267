# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.11: PAGE.RELEASE."""

from __future__ import annotations

import ctypes as ct

import pytest

from tests.model.names import (
    SEPT_STATES,
    Kind,
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
    INCORRECT,
    INVALID,
    MISMATCH,
    MODULE_2_0,
    TOP,
    large,
    small,
    status,
    tdx,
)

row = Rows()
ENTRY_FREE = 0xC0000B0100000001
PENDING_BIT = 1 << 62
PAGE_RELEASE = 1 << 6


def releasing(**config: int) -> Tdx:
    return tdx(**{"module": MODULE_2_0, "config_flags": PAGE_RELEASE} | config)


def release(vm: Tdx, rcx: int) -> tuple[int, int]:
    """RAX and RCX of the call."""
    outcome, regs, _ = vm.tdcall({RAX: 30, RCX: rcx})
    assert outcome == TdxOutcome.DONE
    return regs[RAX], regs[RCX]


def entry(tree: SeptTree, gpa: int, level: int, locked: int = 0) -> tuple[int, int, int]:
    """Status, level of the mapping, whether it is PENDING."""
    mapped, pending = ct.c_uint(9), ct.c_int(9)
    given = (tree.tree, ct.c_uint64(gpa), level, locked, ct.byref(mapped), ct.byref(pending))
    return int(tree.lib.sept_release(*given)), mapped.value, pending.value


@row("2.11-operand-invalid")
def _() -> None:
    vm = releasing()
    beyond = 1 << 50
    for rcx in (ACCEPTED | 2, ACCEPTED | 3, ACCEPTED | 8, ACCEPTED | 1 << 52, ACCEPTED + PAGE | 1,
                ACCEPTED | vm.shared_bit, beyond):  # fmt: skip
        assert release(vm, rcx) == (INVALID | 1, rcx), hex(rcx)
    assert vm.accepted() == UNIT


@row("2.11-mapped-becomes-pending")
def _() -> None:
    for level, size in ((1, UNIT), (0, PAGE)):
        vm = releasing()
        assert status(vm, FRESH | level) == 0
        vm.recorder.memory(FRESH, 2)[:] = b"xx"
        vm.events()
        assert release(vm, FRESH | level) == (0, FRESH | level)
        assert vm.recorder.lost() == [(FRESH, size)]
        assert vm.events() == [Event(Kind.RELEASE, FRESH, size, 0, NO_CARRY, 0, 0)]
        assert vm.sept_state(FRESH) == ("PENDING", level)
        assert vm.accepted() == UNIT
        verdict, fault = vm.access(FRESH)
        assert (verdict, fault.stop) == (Verdict.STOPPED, Stop.PENDING)
        # to be accepted again, and then a page of zeros
        assert status(vm, FRESH | level) == 0
        assert bytes(vm.recorder.memory(FRESH, 2)) == bytes(2)
        assert vm.access(FRESH)[0] == Verdict.ALLOWED
        assert status(vm, FRESH | level) == ALREADY | level


@row("2.11-ve-on-released-page")
def _() -> None:
    vm = releasing(attributes=0)
    assert release(vm, ACCEPTED | 1)[0] == 0
    verdict, fault = vm.access(ACCEPTED + 8)
    assert (verdict, fault.ve.gpa) == (Verdict.GUEST_FAULT, ACCEPTED + 8)


@row("2.11-entry-free")
def _() -> None:
    vm = releasing()
    for rcx in (FRESH | 1, TOP + UNIT, vm.layout.top + UNIT | 1):
        assert release(vm, rcx)[0] == ENTRY_FREE, hex(rcx)
    assert release(vm, FRESH) == (ENTRY_FREE, FRESH | 1)
    assert [e.result for e in vm.events() if e.kind == Kind.RELEASE] == [ENTRY_FREE] * 4
    assert entry(small("FREE"), 0, 0)[:2] == (ENTRY_FREE, 0)
    assert entry(large("REMOVED"), 0, 1)[:2] == (ENTRY_FREE, 1)


@row("2.11-entry-state")
def _() -> None:
    vm = releasing(assign_advance=1)
    assert release(vm, FRESH | 1) == (INCORRECT, FRESH | 1 | PENDING_BIT)
    assert release(vm, ACCEPTED | 1)[0] == 0
    assert release(vm, ACCEPTED | 1) == (INCORRECT, ACCEPTED | 1 | PENDING_BIT)
    for state in SEPT_STATES:
        if state in ("MAPPED", "FREE", "REMOVED", "NL_MAPPED", "NL_BLOCKED"):
            continue
        pending = int(state in ("PENDING", "PENDING_EXPORTED_DIRTY"))
        assert entry(small(state), 0, 0) == (INCORRECT, 0, pending), state
        assert entry(large(state), 0, 1) == (INCORRECT, 1, pending), state


@row("2.11-size-mismatch")
def _() -> None:
    """RCX has the level at which the page is mapped, so that a guest can try that one."""
    vm = releasing()
    assert release(vm, ACCEPTED + PAGE) == (MISMATCH | 1, ACCEPTED + PAGE | 1)
    vm = releasing(backing_4k=1)
    assert status(vm, FRESH) == 0
    assert release(vm, FRESH | 1) == (MISMATCH, FRESH)
    assert release(vm, FRESH) == (0, FRESH)


@row("2.11-busy")
def _() -> None:
    vm = releasing()
    vm.act("attack_busy", 1)
    assert release(vm, ACCEPTED | 1) == (BUSY, ACCEPTED | 1)
    assert vm.accepted() == UNIT
    assert release(vm, ACCEPTED | 1)[0] == 0
    assert entry(large("MAPPED"), 0, 0, locked=1)[0] == MISMATCH | 1


@row("2.11-only-where-configured")
def _() -> None:
    for vm in (tdx(), tdx(module=MODULE_2_0)):
        assert release(vm, ACCEPTED | 1)[0] == INVALID
        assert vm.accepted() == UNIT


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
