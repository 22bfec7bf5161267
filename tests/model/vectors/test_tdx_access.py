# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.6: access to a private page that is not mapped."""

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
    R8,
    R9,
    R10,
    RAX,
    RCX,
    RDX,
    UNIT,
)
from tests.model.td import Tdx
from tests.model.vectors.tdx import (
    ACCEPTED,
    FRESH,
    HOLE,
    NO_VE_INFO,
    SHARED,
    TD_CTLS,
    VALUE_NOT_VALID,
    VE_DISABLE,
    status,
    tdx,
)

row = Rows()


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
    assert vm.tdcall(write)[1][RAX] == VALUE_NOT_VALID
    assert vm.tdcall(write | {R8: 0})[1][RAX] == 0, "nothing changes"
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
    outputs = (RCX, RDX, R8, R9, R10)
    _, regs, _ = vm.tdcall({RAX: 3} | dict.fromkeys(outputs, 0x77))
    assert [regs[RAX], *(regs[n] for n in outputs)] == [NO_VE_INFO, 0, 0, 0, 0, 0]
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


@row("2.10-shared-access-stops")
def _() -> None:
    vm = tdx()
    for gpa in (ACCEPTED, FRESH):
        verdict, fault = vm.access(gpa, private=0)
        assert (verdict, fault.stop) == (Verdict.STOPPED, Stop.SHARED_ACCESS)


@row("2.10-shared-access-ve")
def _() -> None:
    vm = tdx(shared_access=1)
    vm.events()
    verdict, fault = vm.access(ACCEPTED + 8, Reach.WRITE, private=0)
    assert (verdict, fault.ve.reason, fault.ve.qualification) == (Verdict.GUEST_FAULT, 48, 0x182)
    assert fault.ve.gpa == vm.shared_bit | ACCEPTED + 8
    assert (vm.accepted(), vm.events()) == (UNIT, [])


@row("2.10-shared-access-converts")
def _() -> None:
    """As KVM and QEMU do: the page is the host's now, and what was in it is lost."""
    vm = tdx(shared_access=2)
    vm.events()
    assert vm.access(ACCEPTED + PAGE + 8, private=0)[0] == Verdict.ALLOWED
    page = ACCEPTED + PAGE
    assert vm.events() == [
        Event(Kind.CONVERT, page, PAGE, 0, NO_CARRY, 0x102, 0),
        Event(Kind.SPLIT, ACCEPTED, UNIT, 0, NO_CARRY, 0, 0),
        Event(Kind.REMOVE, page, PAGE, 0, NO_CARRY, 0, 0),
    ]
    assert vm.accepted() == UNIT - PAGE
    assert vm.access(page)[1].stop == Stop.NOT_ASSIGNED
    assert vm.access(ACCEPTED)[0] == Verdict.ALLOWED
    assert vm.access(page, private=0)[0] == Verdict.ALLOWED
    assert vm.events() == []
    with pytest.raises(ValueError, match="refuses"):
        tdx(shared_access=3)


@row("2.10-private-access-converts")
def _() -> None:
    """As KVM and QEMU do: the page is pending then, and the guest may accept it."""
    vm = tdx(implicit=1)
    vm.events()
    verdict, fault = vm.access(SHARED, Reach.WRITE)
    assert (verdict, fault.stop) == (Verdict.STOPPED, Stop.PENDING)
    assert vm.events() == [
        Event(Kind.CONVERT, SHARED, PAGE, 0, NO_CARRY, 0x101, 0),
        Event(Kind.ASSIGN, SHARED, PAGE, 0, NO_CARRY, 0, 0),
    ]
    assert status(vm, SHARED) == 0
    assert vm.access(SHARED)[0] == Verdict.ALLOWED
    vm = tdx(implicit=1)
    vm.events()
    assert status(vm, SHARED) == 0, "an accept converts, too"
    assert [one.kind for one in vm.events()] == [Kind.CONVERT, Kind.ASSIGN, Kind.ACCEPT]


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
