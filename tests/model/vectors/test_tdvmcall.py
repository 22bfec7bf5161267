# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.7: TDVMCALLs around acceptance."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import (
    Kind,
    Reach,
    Stop,
    TdxOutcome,
    Verdict,
)
from tests.model.recorder import Event
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    NO_CARRY,
    PAGE,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RAX,
    RCX,
    UNIT,
    TdxAnswer,
    TdxVmcall,
)
from tests.model.td import Tdx, vmcall_status
from tests.model.vectors.tdx import (
    ACCEPTED,
    FRESH,
    HOLE,
    MASK,
    SHARED,
    TOP,
    status,
    tdx,
)

row = Rows()


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
        (HOLE, PAGE): invalid,  # a device's address cannot be private
        (TOP - PAGE, 2 * PAGE): invalid,
        (1 << 48, PAGE): invalid,
        (ACCEPTED + 8, PAGE): align,
        (ACCEPTED, 100): align,
    }
    for (start, size), expected in cases.items():
        _, r10, r11 = vm.map_gpa(start, size)
        assert (r10, r11) == (expected, start), (hex(start), hex(size))
    assert vm.accepted() == UNIT


@row("2.7-mapgpa-shared-no-ram")
def _() -> None:
    """A device's address is shared already: success, and no conversion of RAM."""
    vm = tdx()
    vm.events()
    for device, size in ((HOLE, PAGE), (TOP, 3 * UNIT), (0xFEC00000, PAGE)):
        assert vm.map_gpa(vm.shared_bit | device, size)[1] == 0
        assert vm.events() == [Event(Kind.CONVERT, device, 0, 0, NO_CARRY, 2, 0)]
    # the hole with a page of RAM on both sides
    assert vm.map_gpa(vm.shared_bit | 0x9F000, 0x62000)[1] == 0
    converts = [(e.gpa, e.size) for e in vm.events() if e.kind == Kind.CONVERT]
    assert converts == [(0x9F000, PAGE), (0x100000, PAGE)]
    assert vm.access(0x100000, private=0)[0] == Verdict.ALLOWED
    assert vm.access(HOLE, private=0)[0] == Verdict.MMIO


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
