# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.1: TDCALL."""

from __future__ import annotations

import struct

import pytest

from tests.model.names import (
    TdxOutcome,
)
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    PAGE,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    RAX,
    RCX,
    RDX,
    UNIT,
)
from tests.model.td import Tdx, vmcall_return
from tests.model.vectors.tdx import (
    ACCEPTED,
    ATTRIBUTES,
    FEATURES0,
    FIELD_ID,
    FIRST_FIELD,
    FRESH,
    INVALID,
    MASK,
    NO_FIELD,
    NOT_WRITABLE,
    NOTIFY_ENABLES,
    SHARED,
    TD_CTLS,
    VALUE_NOT_VALID,
    VE_DISABLE,
    status,
    tdx,
)

row = Rows()


@row("2.1-leaf-and-version")
def _() -> None:
    vm = tdx()
    bad = (9, 5, 18, 29, 30, 0xFFFF, 1 | 1 << 16, 8 | 1 << 16, 1 | 1 << 24, 7 | 1 << 63)
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
    assert (regs[R8], regs[R9], regs[R10], regs[R11]) == (3 | 3 << 32, 2, 1, 0)


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
    assert vm.tdcall(request | {RCX: 1 << 50})[1][RAX] == INVALID | 1


@row("2.1-mr-report-shared-buffers")
def _() -> None:
    vm = tdx()
    shared = vm.shared_bit | SHARED
    vm.recorder.memory(SHARED + 0x400, 64)[:] = bytes(range(64))
    outcome, regs, _ = vm.tdcall({RAX: 4, RCX: shared, RDX: shared + 0x400})
    assert (outcome, regs[RAX]) == (TdxOutcome.DONE, 0)
    assert bytes(vm.recorder.memory(SHARED, 1024))[128:192] == bytes(range(64))
    # no memory of the guest: as at any other access, #VE with the address as it was given
    device = vm.shared_bit | 0xFEE00000
    outcome, _, answer = vm.tdcall({RAX: 4, RCX: device, RDX: shared})
    assert (outcome, answer.shared) == (TdxOutcome.FAULT_VE, 1)
    assert (answer.fault.ve.reason, answer.fault.ve.gpa) == (48, device)


@row("2.1-mr-report-order")
def _() -> None:
    """Both alignments, the data, the subtype, and last the buffer of the report."""
    vm = tdx()
    assert vm.tdcall({RAX: 4, RCX: FRESH + 512, RDX: FRESH + 32, R8: 1})[1][RAX] == INVALID | 1
    assert vm.tdcall({RAX: 4, RCX: FRESH, RDX: FRESH + 32, R8: 1})[1][RAX] == INVALID | 2
    outcome, _, answer = vm.tdcall({RAX: 4, RCX: FRESH, RDX: FRESH + UNIT, R8: 1})
    assert (outcome, answer.gpa) == (TdxOutcome.STOPPED, FRESH + UNIT)
    assert vm.tdcall({RAX: 4, RCX: FRESH, RDX: ACCEPTED, R8: 1})[1][RAX] == INVALID | 8
    outcome, _, answer = vm.tdcall({RAX: 4, RCX: FRESH, RDX: ACCEPTED})
    assert (outcome, answer.gpa) == (TdxOutcome.STOPPED, FRESH)


@row("2.1-rtmr-extend")
def _() -> None:
    vm = tdx()
    assert vm.tdcall({RAX: 2, RCX: vm.shared_bit | SHARED})[1][RAX] == INVALID | 1
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


def failure(vm: Tdx, **regs: int) -> int:
    """RAX of a VM.RD or VM.WR that must fail, and clear R8."""
    names = {"rax": RAX, "rcx": RCX, "rdx": RDX, "r8": R8, "r9": R9}
    given = {RAX: 7, R8: 0x77, R9: 1} | {names[name]: value for name, value in regs.items()}
    _, after, _ = vm.tdcall(given)
    assert after[RAX]
    assert after[R8] == 0
    return after[RAX]


@row("2.1-vm-rd-wr-errors")
def _() -> None:
    vm = tdx()
    for rax in (7, 8):
        assert failure(vm, rax=rax, rdx=0x1234) == FIELD_ID
        # an element further, and a reserved bit of the identifier
        assert failure(vm, rax=rax, rdx=NOTIFY_ENABLES | 1 << 34) == FIELD_ID
        assert failure(vm, rax=rax, rdx=NOTIFY_ENABLES | 1 << 62) == FIELD_ID
        assert failure(vm, rax=rax, rcx=1, rdx=NOTIFY_ENABLES) == INVALID | 1
        assert failure(vm, rax=rax, rcx=1, rdx=0x1234) == INVALID | 1
    assert failure(vm, rax=8, rdx=NOTIFY_ENABLES, r8=2, r9=2) == NOT_WRITABLE
    assert failure(vm, rax=8, rdx=NOTIFY_ENABLES, r8=2, r9=3) == VALUE_NOT_VALID
    assert failure(vm, rax=8, rdx=ATTRIBUTES, r8=1) == NOT_WRITABLE
    _, regs, _ = vm.tdcall({RAX: 7, RDX: NOTIFY_ENABLES})
    assert (regs[RAX], regs[R8]) == (0, 0)


@row("2.1-vm-rd-field-names")
def _() -> None:
    """Class and code name a field; size, context and bit 63 do not count."""
    vm = tdx()
    for name in (0x9110000300000010, 0x9100000000000010, 0x1110000300000010, 0x1120000000000010):
        assert vm.tdcall({RAX: 8, RDX: name, R8: 1, R9: 1})[1][RAX] == 0, hex(name)
        assert vm.tdcall({RAX: 7, RDX: name})[1][R8] == 1, hex(name)
    assert failure(vm, rdx=0x9210000300000010) == FIELD_ID


@row("2.1-vm-rd-version-1")
def _() -> None:
    """RDX comes back as the next field, from none to none."""
    vm = tdx(config_flags=2)
    _, regs, _ = vm.tdcall({RAX: 7 | 1 << 16, RDX: NO_FIELD})
    assert regs[RAX] == FIRST_FIELD
    fields = []
    while regs[RDX] != NO_FIELD and len(fields) < 10:
        fields.append(regs[RDX])
        _, regs, _ = vm.tdcall({RAX: 7 | 1 << 16, RDX: fields[-1]})
        assert regs[RAX] == 0
        assert regs[R8] == vm.tdcall({RAX: 7, RDX: fields[-1]})[1][R8]
    assert [field & 0xFFFFFF for field in fields] == [0, 0x10, 0x16, 0x17, 0x19]
    _, regs, _ = vm.tdcall({RAX: 7 | 1 << 16, RDX: 0x1234})
    assert (regs[RAX], regs[RDX], regs[R8]) == (FIELD_ID, NO_FIELD, 0)
    _, regs, _ = vm.tdcall({RAX: 7 | 2 << 16, RDX: TD_CTLS})
    assert (regs[RAX], regs[RDX], regs[R8]) == (INVALID, NO_FIELD, 0)
    _, regs, _ = vm.tdcall({RAX: 7, RDX: 0x1234})
    assert regs[RDX] == 0x1234


@row("2.1-sys-rd")
def _() -> None:
    vm = tdx()
    _, regs, _ = vm.tdcall({RAX: 11, RDX: FEATURES0})
    assert (regs[RAX], regs[RDX]) == (0, NO_FIELD)
    assert regs[R8] & 1 << 18, "NO_RBP_MOD"
    _, regs, _ = vm.tdcall({RAX: 11, RDX: NO_FIELD})
    assert (regs[RAX], regs[RDX], regs[R8]) == (FIRST_FIELD, FEATURES0, 0)
    _, regs, _ = vm.tdcall({RAX: 11, RDX: TD_CTLS, R8: 7})
    assert (regs[RAX], regs[RDX], regs[R8]) == (FIELD_ID, NO_FIELD, 0)


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()


def test_report_header_is_typed() -> None:
    """TYPE 0x81 marks a TDX report (so that a guest driver finds the form that it expects)."""
    vm = tdx()
    vm.tdcall({RAX: 4, RCX: ACCEPTED, RDX: ACCEPTED + PAGE})
    assert struct.unpack_from("<B", vm.recorder.memory(ACCEPTED, 1))[0] == 0x81
