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
)
from tests.model.td import vmcall_return
from tests.model.vectors.tdx import (
    ACCEPTED,
    FIELD_ID,
    FRESH,
    INVALID,
    MASK,
    NOT_WRITABLE,
    NOTIFY_ENABLES,
    SHARED,
    VE_DISABLE,
    status,
    tdx,
)

row = Rows()


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()


def test_report_header_is_typed() -> None:
    """TYPE 0x81 marks a TDX report (so that a guest driver finds the form that it expects)."""
    vm = tdx()
    vm.tdcall({RAX: 4, RCX: ACCEPTED, RDX: ACCEPTED + PAGE})
    assert struct.unpack_from("<B", vm.recorder.memory(ACCEPTED, 1))[0] == 0x81
