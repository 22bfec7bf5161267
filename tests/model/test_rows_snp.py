# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of sections 1.1-1.6 that a model can show."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import (
    Attack,
    Kind,
    Npf,
    Psc,
    Reach,
    RmpFlag,
    RmpOutcome,
    SnpOutcome,
    State,
    Stop,
    Verdict,
)
from tests.model.recorder import Event
from tests.model.rows import Rows, Vector
from tests.model.snp_guest import RmpTable, Snp
from tests.model.structs import NO_CARRY, PAGE, UNIT, RmpKey

row = Rows()

LAUNCHED = 0x400000  # one accepted unit
FRESH = 0x600000  # units that nobody touched up to TOP
TOP = 0x1000000
SHARED = 0x8000
HOLE = 0xB0000
LAYOUT = Layout(
    ram=((0, 0xA0000), (0x100000, TOP - 0x100000)),
    accepted=((LAUNCHED, UNIT),),
    shared=((SHARED, PAGE),),
)
INPUT, PERMISSION, IN_USE, OVERLAP, MISMATCH = 1, 2, 3, 4, 6
NPF = Npf.RMP | Npf.FINAL | Npf.ENC
R, W, XU, XS, SSS = 1, 2, 4, 8, 16


def snp(**config: int) -> Snp:
    return Snp(LAYOUT, **config)


def done(vm: Snp, gpa: int, size: int, validate: int) -> tuple[int, int]:
    """EAX and CF of a PVALIDATE that has to complete."""
    outcome, answer = vm.pvalidate(gpa, size, validate)
    assert outcome == SnpOutcome.DONE
    return answer.eax, answer.carry


def adjusted(vm: Snp, gpa: int, size: int, attributes: int, vmpl: int = 0) -> int:
    outcome, answer = vm.rmpadjust(gpa, size, attributes, vmpl=vmpl)
    assert outcome == SnpOutcome.DONE
    return int(answer.eax)


def perms(vm: Snp, gpa: int) -> list[int]:
    return list(vm.rmp_entry(gpa).perms)


def key(spa: int, gpa: int | None = None, asid: int = 1, nested_2m: int = 0) -> RmpKey:
    return RmpKey(spa, spa if gpa is None else gpa, asid, nested_2m)


def assigned_table(size_2m: int = 0, **state: int) -> RmpTable:
    table = RmpTable(4)
    assert table.update(UNIT, gpa=UNIT, asid=1, assigned=1, size_2m=size_2m, **state) == 0
    return table


# --- 1.1 ---------------------------------------------------------------------------


@row("1.1-pvalidate-operands")
def _() -> None:
    vm = snp()
    assert vm.pvalidate_operands(FRESH, 0, 1)[0] == SnpOutcome.WALK
    assert vm.pvalidate_operands(FRESH, 1, 0)[0] == SnpOutcome.WALK
    assert done(vm, FRESH, 1, 1) == (0, 0)
    assert done(vm, FRESH, 1, 0) == (0, 0)
    kinds = [(e.kind, e.size) for e in vm.events() if e.kind in (Kind.ACCEPT, Kind.RESCIND)]
    assert kinds == [(Kind.ACCEPT, UNIT), (Kind.RESCIND, UNIT)]


@row("1.1-rmpadjust-operands")
def _() -> None:
    vm = snp()
    assert vm.rmpadjust(LAUNCHED, 1, 1 | R << 8)[0] == SnpOutcome.DONE
    assert perms(vm, LAUNCHED + 5 * PAGE)[1] == R


@row("1.1-rmpupdate-state")
def _() -> None:
    table = RmpTable(4)
    assert table.update(PAGE, gpa=0x7000, asid=3, assigned=1) == 0
    entry = table.read(PAGE)
    assert (entry.gpa_flags, entry.asid) == (0x7000 | RmpFlag.ASSIGNED, 3)
    assert table.update(UNIT, gpa=UNIT, asid=1, assigned=1, size_2m=1, immutable=1) == 0
    flags = RmpFlag.ASSIGNED | RmpFlag.IMMUTABLE | RmpFlag.SIZE_2M
    assert table.read(UNIT).gpa_flags == UNIT | flags


@row("1.1-rmpupdate-overlap")
def _() -> None:
    table = assigned_table(size_2m=1)
    assert table.update(UNIT + PAGE, gpa=UNIT + PAGE, asid=1, assigned=1) == OVERLAP
    assert table.psmash(UNIT) == 0
    assert table.update(UNIT, gpa=UNIT, asid=1, assigned=1, size_2m=1) == OVERLAP


@row("1.1-rmpupdate-input")
def _() -> None:
    table = RmpTable(4)
    assert table.update(UNIT + PAGE, gpa=UNIT, asid=1, assigned=1, size_2m=1) == INPUT
    assert table.update(UNIT, gpa=PAGE, asid=1, assigned=1, size_2m=1) == INPUT
    assert table.update(4 * UNIT, gpa=UNIT, asid=1, assigned=1) == INPUT
    assert table.read(UNIT).gpa_flags == 0


@row("1.1-psmash")
def _() -> None:
    table = assigned_table(size_2m=1)
    assert table.psmash(UNIT + PAGE) == INPUT
    assert table.psmash(UNIT) == 0
    assert table.psmash(UNIT) == INPUT
    assert table.psmash(4 * UNIT) == INPUT


@row("1.1-permission-bits")
def _() -> None:
    """Each bit of the mask opens its own kind of access, and no other."""
    opens = {
        R: {(Reach.READ, 0), (Reach.READ, 1), (Reach.WALK, 0), (Reach.WALK, 1)},
        W: {(Reach.WRITE, 0), (Reach.WRITE, 1)},
        XU: {(Reach.FETCH, 1)},
        XS: {(Reach.FETCH, 0)},
        SSS: set(),
    }
    for mask, expected in opens.items():
        vm = snp()
        assert adjusted(vm, LAUNCHED, 1, 1 | mask << 8) == 0
        allowed = {
            (reach, user)
            for reach in Reach
            for user in (0, 1)
            if vm.access(LAUNCHED, reach, vmpl=1, user=user)[0] == Verdict.ALLOWED
        }
        assert allowed == expected


# --- 1.2 ---------------------------------------------------------------------------


@row("1.2-pvalidate-changed")
def _() -> None:
    vm = snp()
    assert done(vm, FRESH, 0, 1) == (0, 0)
    assert vm.state(FRESH) == State.ACCEPTED
    assert done(vm, FRESH, 0, 0) == (0, 0)
    assert vm.state(FRESH) == State.UNACCEPTED


@row("1.2-pvalidate-already-valid")
def _() -> None:
    vm = snp()
    before = vm.dump()
    assert done(vm, LAUNCHED, 1, 1) == (0, 1)
    assert vm.dump() == before
    assert vm.events() == [Event(Kind.ACCEPT, LAUNCHED, UNIT, 0, 1, 0, 0)]


@row("1.2-pvalidate-already-invalid")
def _() -> None:
    vm = snp(assign_advance=1)
    before = vm.dump()
    assert done(vm, FRESH, 1, 0) == (0, 1)
    assert vm.dump() == before


@row("1.2-fail-input-operands")
def _() -> None:
    vm = snp()
    for ecx, edx in ((2, 1), (3, 0), (0xFFFFFFFF, 1), (1 << 31, 1)):
        outcome, answer = vm.pvalidate_operands(FRESH, ecx, edx)
        assert (outcome, answer.eax, answer.carry) == (SnpOutcome.DONE, INPUT, 0)
        outcome, answer = vm.pvalidate(FRESH, ecx, edx)
        assert (outcome, answer.eax, answer.carry) == (SnpOutcome.DONE, INPUT, 0)
    assert vm.state(FRESH) == State.HOST


@row("1.2-operands-not-walked")
def _() -> None:
    """What fails before the walk has no guest-physical address."""
    vm = snp()
    vm.pvalidate_operands(FRESH, 2, 1)
    vm.pvalidate_operands(FRESH + PAGE, 1, 0)
    assert vm.events() == [
        Event(Kind.ACCEPT, 0, 0, INPUT, 0, 0, 0),
        Event(Kind.RESCIND, 0, 0, INPUT, 0, 0, 0),
    ]


@row("1.2-validate-is-bit-0")
def _() -> None:
    """A C bool leaves the upper bits of EDX as they were."""
    vm = snp()
    assert vm.pvalidate_operands(FRESH, 0, 0xABCD00)[0] == SnpOutcome.WALK
    assert done(vm, FRESH, 0, 0xABCD01) == (0, 0)
    assert done(vm, FRESH, 0, 0xABCD01) == (0, 1)
    assert done(vm, FRESH, 0, 0xABCD00) == (0, 0)
    assert vm.state(FRESH) == State.UNACCEPTED
    assert [e.kind for e in vm.events() if e.kind != Kind.ASSIGN][-1] == Kind.RESCIND


@row("1.2-fail-input-misaligned")
def _() -> None:
    vm = snp()
    outcome, answer = vm.pvalidate_operands(FRESH + PAGE, 1, 1)
    assert (outcome, answer.eax, answer.carry) == (SnpOutcome.DONE, INPUT, 0)
    assert done(vm, FRESH + PAGE, 1, 1) == (INPUT, 0)
    assert vm.state(FRESH) == State.HOST


@row("1.2-fail-sizemismatch")
def _() -> None:
    vm = snp(backing_4k=1)
    assert done(vm, FRESH, 1, 1) == (MISMATCH, 0)
    assert vm.state(FRESH) == State.UNACCEPTED
    assert vm.events()[-1] == Event(Kind.ACCEPT, FRESH, UNIT, MISMATCH, 0, 0, 0)


@row("1.2-consumer-order-trap")
def _() -> None:
    """CF is clear on every non-zero EAX, also where the bit would be equal."""
    vm = snp(backing_4k=1)
    assert done(vm, FRESH, 0, 1) == (0, 0)
    assert done(vm, FRESH, 1, 1) == (MISMATCH, 0)
    assert vm.pvalidate(FRESH, 3, 1)[1].carry == 0


@row("1.2-cpl-gp")
def _() -> None:
    vm = snp()
    for cpl in (1, 2, 3):
        # before the operand check: a bad size does not hide it
        assert vm.pvalidate_operands(FRESH, 7, 1, cpl=cpl)[0] == SnpOutcome.GP
        assert vm.pvalidate(FRESH, 0, 1, cpl=cpl)[0] == SnpOutcome.GP
    assert vm.state(FRESH) == State.HOST
    assert vm.events() == []


@row("1.2-vmpl-gp")
def _() -> None:
    vm = snp()
    for vmpl in (1, 2, 3):
        assert vm.pvalidate_operands(FRESH, 7, 1, vmpl=vmpl)[0] == SnpOutcome.GP
        assert vm.pvalidate(LAUNCHED, 1, 0, vmpl=vmpl)[0] == SnpOutcome.GP
    assert vm.state(LAUNCHED) == State.ACCEPTED


@row("1.2-not-assigned-npf")
def _() -> None:
    """The host assigns, the instruction restarts and completes."""
    vm = snp()
    outcome, answer = vm.pvalidate(FRESH, 1, 1)
    assert (outcome, answer.eax, answer.carry, answer.exits) == (SnpOutcome.DONE, 0, 0, 1)
    assert vm.events() == [
        Event(Kind.ASSIGN, FRESH, UNIT, 0, NO_CARRY, 0, 0),
        Event(Kind.ACCEPT, FRESH, UNIT, 0, 0, 0, 0),
    ]


@row("1.2-not-assigned-shared-stops")
def _() -> None:
    vm = snp()
    outcome, answer = vm.pvalidate(SHARED, 0, 1)
    assert (outcome, answer.fault.stop) == (SnpOutcome.STOPPED, Stop.NOT_ASSIGNED)
    assert answer.fault.platform == NPF


@row("1.2-not-ram-stops")
def _() -> None:
    vm = snp()
    for gpa in (HOLE, TOP, 1 << 47):
        outcome, answer = vm.pvalidate(gpa, 0, 1)
        assert (outcome, answer.fault.stop) == (SnpOutcome.STOPPED, Stop.NOT_RAM)


@row("1.2-wrong-asid-npf")
def _() -> None:
    result = assigned_table().pvalidate(key(UNIT, asid=2), 0, 1)
    assert (result.outcome, result.npf) == (RmpOutcome.NPF, NPF)


@row("1.2-wrong-gpa-npf")
def _() -> None:
    result = assigned_table().pvalidate(key(UNIT, gpa=UNIT + PAGE), 0, 1)
    assert (result.outcome, result.npf) == (RmpOutcome.NPF, NPF)
    vm = snp()
    assert vm.act("attack_alias", LAUNCHED, LAUNCHED + PAGE) == 0
    outcome, answer = vm.pvalidate(LAUNCHED, 0, 1)
    assert (outcome, answer.fault.stop) == (SnpOutcome.STOPPED, Stop.OWNER)


@row("1.2-wrong-gpa-is-not-assigned-away")
def _() -> None:
    """An honest host does not hand the page of another GPA to the one that faults on it."""
    vm = snp()
    vm.access(FRESH)
    assert vm.act("attack_alias", FRESH, LAUNCHED) == 0
    assert vm.msr(0x014 | LAUNCHED | Psc.SHARED << 52).msr == 0x015
    outcome, answer = vm.pvalidate(FRESH, 0, 1)
    assert (outcome, answer.fault.stop) == (SnpOutcome.STOPPED, Stop.OWNER)
    assert vm.access(FRESH)[:2] == (Verdict.STOPPED, Stop.OWNER)


@row("1.2-immutable-npf")
def _() -> None:
    result = assigned_table(immutable=1).pvalidate(key(UNIT), 0, 1)
    assert (result.outcome, result.npf) == (RmpOutcome.NPF, NPF)


@row("1.2-4k-on-2m-sizem")
def _() -> None:
    table = assigned_table(size_2m=1)
    for nested in (0, 1):
        result = table.pvalidate(key(UNIT, nested_2m=nested), 0, 1)
        assert (result.outcome, result.npf) == (RmpOutcome.NPF, NPF | Npf.SIZEM)
    # a 4K entry under a 2M nested mapping
    result = assigned_table().pvalidate(key(UNIT, nested_2m=1), 0, 1)
    assert (result.outcome, result.npf) == (RmpOutcome.NPF, NPF | Npf.SIZEM)


@row("1.2-4k-on-2m-psmash-restart")
def _() -> None:
    vm = snp()
    outcome, answer = vm.pvalidate(LAUNCHED + PAGE, 0, 0)
    assert (outcome, answer.eax, answer.carry, answer.exits) == (SnpOutcome.DONE, 0, 0, 1)
    assert vm.events() == [
        Event(Kind.SPLIT, LAUNCHED, UNIT, 0, NO_CARRY, 0, 0),
        Event(Kind.RESCIND, LAUNCHED + PAGE, PAGE, 0, 0, 0, 0),
    ]
    assert vm.accepted() == UNIT - PAGE


@row("1.2-2m-on-4k-rmp")
def _() -> None:
    result = assigned_table().pvalidate(key(UNIT), 1, 1)
    assert (result.outcome, result.code, result.carry) == (RmpOutcome.DONE, MISMATCH, 0)


@row("1.2-2m-on-4k-nested")
def _() -> None:
    result = assigned_table(size_2m=1).pvalidate(key(UNIT, nested_2m=0), 1, 1)
    assert (result.outcome, result.code, result.carry) == (RmpOutcome.DONE, MISMATCH, 0)


@row("1.2-order-owner-before-size")
def _() -> None:
    """Not assigned comes before the size: a 2M request on a 4K page of another guest is an NPF."""
    result = assigned_table().pvalidate(key(UNIT, asid=2), 1, 1)
    assert result.outcome == RmpOutcome.NPF


@row("1.2-order-input-before-entry")
def _() -> None:
    vm = snp()
    outcome, answer = vm.pvalidate(HOLE + PAGE, 1, 1)
    assert (outcome, answer.eax) == (SnpOutcome.DONE, INPUT)


@row("1.2-no-data-written")
def _() -> None:
    vm = snp()
    vm.recorder.memory(FRESH, 4)[:] = b"data"
    done(vm, FRESH, 1, 1)
    done(vm, FRESH, 1, 0)
    done(vm, FRESH, 1, 1)
    assert bytes(vm.recorder.memory(FRESH, 4)) == b"data"
    assert vm.recorder.scrubs() == []


# --- 1.3 ---------------------------------------------------------------------------


@row("1.3-codes")
def _() -> None:
    vm = snp()
    assert adjusted(vm, LAUNCHED, 1, 1 | (R | W) << 8) == 0
    for attributes in (4, 1 | 1 << 17, 1 | 0x20 << 8, 0xFF):
        assert adjusted(vm, LAUNCHED, 1, attributes) == INPUT
    assert adjusted(vm, LAUNCHED, 2, 1) == INPUT
    assert adjusted(vm, LAUNCHED + PAGE, 1, 1) == INPUT
    assert adjusted(vm, LAUNCHED, 1, 0) == PERMISSION
    assert vm.rmpadjust(LAUNCHED, 1, 1, cpl=3)[0] == SnpOutcome.GP


@row("1.3-target-above-caller")
def _() -> None:
    vm = snp()
    for vmpl, target in ((0, 0), (1, 0), (1, 1), (2, 1), (3, 3)):
        assert adjusted(vm, LAUNCHED, 1, target, vmpl=vmpl) == PERMISSION
    assert adjusted(vm, LAUNCHED, 1, 3, vmpl=2) == 0


@row("1.3-subset-of-callers")
def _() -> None:
    vm = snp()
    assert adjusted(vm, LAUNCHED, 1, 1 | (R | XS) << 8) == 0
    assert adjusted(vm, LAUNCHED, 1, 2 | (R | W) << 8, vmpl=1) == PERMISSION
    assert adjusted(vm, LAUNCHED, 1, 2 | R << 8, vmpl=1) == 0
    assert perms(vm, LAUNCHED) == [0x1F, R | XS, R, 0]


@row("1.3-not-validated-vc")
def _() -> None:
    vm = snp()
    outcome, answer = vm.rmpadjust(FRESH, 1, 1)
    assert (outcome, answer.fault.platform) == (SnpOutcome.NOT_VALIDATED, 0x404)


@row("1.3-4k-on-2m-sizem")
def _() -> None:
    table = assigned_table(size_2m=1)
    result = table.rmpadjust(key(UNIT, nested_2m=1), 0, 0, 1)
    assert (result.outcome, result.npf) == (RmpOutcome.NPF, NPF | Npf.SIZEM)
    vm = snp()
    outcome, answer = vm.rmpadjust(LAUNCHED + PAGE, 0, 1 | R << 8)
    assert (outcome, answer.eax, answer.exits) == (SnpOutcome.DONE, 0, 1)
    assert [e.kind for e in vm.events()] == [Kind.SPLIT, Kind.RMPADJUST]
    assert perms(vm, LAUNCHED)[1] == 0
    assert perms(vm, LAUNCHED + PAGE)[1] == R


@row("1.3-2m-on-4k-mismatch")
def _() -> None:
    vm = snp()
    done(vm, LAUNCHED, 0, 1)  # splits it
    assert adjusted(vm, LAUNCHED, 1, 1) == MISMATCH


@row("1.3-new-page-permissions")
def _() -> None:
    vm = snp()
    done(vm, FRESH, 1, 1)
    assert perms(vm, FRESH) == [0x1F, 0, 0, 0]
    assert vm.access(FRESH, vmpl=0)[0] == Verdict.ALLOWED
    for vmpl in (1, 2, 3):
        verdict, stop, npf = vm.access(FRESH, vmpl=vmpl)
        assert (verdict, stop) == (Verdict.STOPPED, Stop.VMPL)
        assert npf & Npf.VMPL


@row("1.3-linux-level-probe")
def _() -> None:
    """RMPADJUST(page, 4K, VMPL 1, no permissions) is 0 at VMPL0 only."""
    assert adjusted(snp(), LAUNCHED, 0, 1) == 0
    assert adjusted(snp(), LAUNCHED, 0, 1, vmpl=1) == PERMISSION


# --- 1.4 ---------------------------------------------------------------------------


@row("1.4-assigned")
def _() -> None:
    vm = snp(assign_advance=1)
    assert vm.rmp_entry(FRESH).gpa_flags & RmpFlag.ASSIGNED
    assert vm.access(FRESH)[0] == Verdict.GUEST_FAULT
    assert not vm.rmp_entry(SHARED).gpa_flags & RmpFlag.ASSIGNED
    assert vm.access(SHARED)[0] == Verdict.STOPPED


@row("1.4-page-size")
def _() -> None:
    assert done(snp(), FRESH, 1, 1) == (0, 0)
    assert done(snp(backing_4k=1), FRESH, 1, 1) == (MISMATCH, 0)


@row("1.4-immutable")
def _() -> None:
    table = assigned_table(immutable=1)
    assert table.update(UNIT, gpa=0, asid=0, assigned=0) == PERMISSION
    assert table.read(UNIT).gpa_flags == UNIT | RmpFlag.ASSIGNED | RmpFlag.IMMUTABLE
    whole = assigned_table(size_2m=1, immutable=1)
    assert whole.psmash(UNIT) == PERMISSION


@row("1.4-gpa")
def _() -> None:
    table = assigned_table(size_2m=1)
    for page in (0, 1, 511):
        at = UNIT + page * PAGE
        assert table.read(at).gpa_flags & ~0xFFF == at
        result = table.access(key(at, nested_2m=1), private=1, gpa=at)
        assert result.outcome == RmpOutcome.NOT_VALIDATED
        result = table.access(key(at, gpa=at ^ PAGE, nested_2m=1), private=1, gpa=at ^ PAGE)
        assert result.outcome == RmpOutcome.NPF


@row("1.4-asid")
def _() -> None:
    vm = Snp(LAYOUT, asid=77)
    assert vm.rmp_entry(LAUNCHED).asid == 77
    assert vm.rmp_entry(SHARED).asid == 0


@row("1.4-vmsa")
def _() -> None:
    vm = snp()
    assert vm.act("vm_is_vmsa", LAUNCHED) == 0
    assert adjusted(vm, LAUNCHED, 0, 1 | 1 << 16) == 0
    assert vm.act("vm_is_vmsa", LAUNCHED) == 1
    assert vm.act("vm_is_vmsa", LAUNCHED + PAGE) == 0
    assert adjusted(vm, LAUNCHED, 0, 1) == 0
    assert vm.act("vm_is_vmsa", LAUNCHED) == 0
    assert adjusted(vm, LAUNCHED, 0, 2 | 1 << 16, vmpl=1) == PERMISSION


@row("1.4-validated")
def _() -> None:
    vm = snp()
    assert vm.rmp_entry(LAUNCHED).gpa_flags & RmpFlag.VALIDATED
    vm.events()
    done(vm, LAUNCHED, 1, 1)
    assert vm.recorder.lost() == []
    done(vm, LAUNCHED, 1, 0)
    assert vm.recorder.lost() == [(LAUNCHED, UNIT)]
    assert vm.access(LAUNCHED) == (Verdict.GUEST_FAULT, 0, 0x404)


@row("1.4-permissions")
def _() -> None:
    vm = snp()
    vm.events()
    adjusted(vm, LAUNCHED, 1, 1 | R << 8)
    assert vm.recorder.lost() == [(LAUNCHED, UNIT)]
    assert vm.access(LAUNCHED, Reach.READ, vmpl=1)[0] == Verdict.ALLOWED
    assert vm.access(LAUNCHED, Reach.WRITE, vmpl=1)[:2] == (Verdict.STOPPED, Stop.VMPL)


@row("1.4-owners")
def _() -> None:
    """Hypervisor, guest, AMD-SP."""
    table = RmpTable(4)
    assert (table.read(0).gpa_flags, table.read(0).asid) == (0, 0)
    table.update(0, gpa=0, asid=1, assigned=1)
    table.update(PAGE, gpa=0, asid=0, assigned=1, immutable=1)
    outcomes = [table.access(key(n * PAGE), private=1, gpa=n * PAGE).outcome for n in range(3)]
    assert outcomes == [RmpOutcome.NOT_VALIDATED, RmpOutcome.NPF, RmpOutcome.NPF]


# --- 1.5 ---------------------------------------------------------------------------


@row("1.5-assign")
def _() -> None:
    table = assigned_table()
    entry = table.read(UNIT)
    assert entry.gpa_flags == UNIT | RmpFlag.ASSIGNED
    assert list(entry.perms) == [0x1F, 0, 0, 0]


@row("1.5-hypervisor-pvalidate")
def _() -> None:
    table = RmpTable(4)
    assert table.pvalidate(key(UNIT), 0, 1).outcome == RmpOutcome.NPF
    assert table.read(UNIT).gpa_flags == 0


@row("1.5-invalid-to-valid")
def _() -> None:
    table = assigned_table()
    result = table.pvalidate(key(UNIT), 0, 0)
    assert (result.code, result.carry) == (0, 1)
    result = table.pvalidate(key(UNIT), 0, 1)
    assert (result.code, result.carry) == (0, 0)
    assert table.read(UNIT).gpa_flags & RmpFlag.VALIDATED


@row("1.5-valid-to-invalid")
def _() -> None:
    table = assigned_table()
    table.pvalidate(key(UNIT), 0, 1)
    assert table.pvalidate(key(UNIT), 0, 1).carry == 1
    assert table.pvalidate(key(UNIT), 0, 0).carry == 0
    assert not table.read(UNIT).gpa_flags & RmpFlag.VALIDATED


@row("1.5-unassign")
def _() -> None:
    table = assigned_table()
    table.pvalidate(key(UNIT), 0, 1)
    assert table.update(UNIT) == 0
    entry = table.read(UNIT)
    assert (entry.gpa_flags, entry.asid, list(entry.perms)) == (0, 0, [0] * 4)


@row("1.5-rmpupdate-change-invalidates")
def _() -> None:
    changes: tuple[dict[str, int], ...] = (
        {"gpa": UNIT, "asid": 2, "assigned": 1},
        {"gpa": 2 * UNIT, "asid": 1, "assigned": 1},
        {"gpa": UNIT, "asid": 1, "assigned": 1, "immutable": 1},
    )
    for change in changes:
        table = assigned_table()
        table.pvalidate(key(UNIT), 0, 1)
        table.rmpadjust(key(UNIT), 0, 0, 1 | R << 8 | 1 << 16)
        assert table.update(UNIT, **change) == 0
        entry = table.read(UNIT)
        assert not entry.gpa_flags & (RmpFlag.VALIDATED | RmpFlag.VMSA)
        assert list(entry.perms) == [0x1F, 0, 0, 0]


@row("1.5-rmpupdate-no-change-keeps")
def _() -> None:
    table = assigned_table()
    table.pvalidate(key(UNIT), 0, 1)
    table.rmpadjust(key(UNIT), 0, 0, 1 | R << 8 | 1 << 16)
    assert table.update(UNIT, gpa=UNIT, asid=1, assigned=1) == 0
    entry = table.read(UNIT)
    assert entry.gpa_flags & RmpFlag.VALIDATED
    assert entry.gpa_flags & RmpFlag.VMSA
    assert entry.perms[1] == R


@row("1.5-psmash-keeps-validated")
def _() -> None:
    table = assigned_table(size_2m=1)
    table.pvalidate(key(UNIT, nested_2m=1), 1, 1)
    table.rmpadjust(key(UNIT, nested_2m=1), 0, 1, 1 | R << 8)
    assert table.psmash(UNIT) == 0
    for page in (0, 1, 300, 511):
        entry = table.read(UNIT + page * PAGE)
        flags = RmpFlag.ASSIGNED | RmpFlag.VALIDATED
        assert entry.gpa_flags == (UNIT + page * PAGE) | flags
        assert list(entry.perms) == [0x1F, R, 0, 0]
    assert table.read(2 * UNIT).gpa_flags == 0


@row("1.5-merge-clears")
def _() -> None:
    """512 pages become one 2M page again only through RMPUPDATE, and unvalidated."""
    table = assigned_table(size_2m=1)
    table.pvalidate(key(UNIT, nested_2m=1), 1, 1)
    table.psmash(UNIT)
    for page in range(512):
        assert table.update(UNIT + page * PAGE) == 0
    assert table.update(UNIT, gpa=UNIT, asid=1, assigned=1, size_2m=1) == 0
    assert table.read(UNIT + PAGE).gpa_flags == (UNIT + PAGE) | 1 | RmpFlag.SIZE_2M


@row("1.5-sp-pages")
def _() -> None:
    table = RmpTable(4)
    table.update(UNIT, gpa=UNIT, asid=0, assigned=1, immutable=1)
    for private in (0, 1):
        result = table.access(key(UNIT), gpa=UNIT, kind=Reach.WRITE, private=private)
        assert result.outcome == RmpOutcome.NPF


@row("1.5-launch-update")
def _() -> None:
    vm = snp()
    flags = vm.rmp_entry(LAUNCHED).gpa_flags & 0xFFF
    assert flags == RmpFlag.ASSIGNED | RmpFlag.VALIDATED | RmpFlag.SIZE_2M
    assert vm.accepted() == UNIT
    assert snp(backing_4k=1).rmp_entry(LAUNCHED).gpa_flags & 0xFFF == 3
    with pytest.raises(ValueError):
        Snp(Layout(ram=LAYOUT.ram, accepted=((LAUNCHED, UNIT), (LAUNCHED, PAGE))))
    odd = Snp(Layout(ram=LAYOUT.ram, accepted=((LAUNCHED + PAGE, UNIT),)))
    assert odd.accepted() == UNIT
    assert [odd.state(LAUNCHED + n * PAGE) for n in (0, 1, 512, 513)] == [0, 2, 2, 0]


@row("1.5-remap-and-validate-again")
def _() -> None:
    """The attack that CF does not show: both accepts say 'changed', two pages are valid in turn."""
    vm = snp()
    assert done(vm, FRESH, 0, 1) == (0, 0)
    assert vm.act("attack_remap", FRESH) == 0
    assert vm.state(FRESH) == State.UNACCEPTED
    assert vm.access(FRESH) == (Verdict.GUEST_FAULT, 0, 0x404)
    assert done(vm, FRESH, 0, 1) == (0, 0)
    assert vm.act("attack_remap_back", FRESH) == 0
    assert vm.access(FRESH)[0] == Verdict.ALLOWED
    attacks = [(e.detail, e.gpa) for e in vm.events() if e.kind == Kind.ATTACK]
    assert attacks == [(Attack.REMAP, FRESH), (Attack.REMAP_BACK, FRESH)]
    assert vm.accepted() == UNIT + PAGE


@row("1.5-reassign-clears")
def _() -> None:
    vm = snp()
    assert vm.act("attack_reassign", LAUNCHED + PAGE) == 0
    assert vm.state(LAUNCHED) == State.ACCEPTED
    assert vm.state(LAUNCHED + PAGE) == State.UNACCEPTED
    assert (LAUNCHED + PAGE, PAGE) in vm.recorder.lost()
    assert vm.act("attack_unassign", LAUNCHED) == 0
    assert vm.access(LAUNCHED)[:2] == (Verdict.STOPPED, Stop.NOT_ASSIGNED)
    assert vm.accepted() == UNIT - 2 * PAGE


# --- 1.6 ---------------------------------------------------------------------------


@row("1.6-private-valid")
def _() -> None:
    vm = snp()
    for reach in Reach:
        assert vm.access(LAUNCHED, reach)[0] == Verdict.ALLOWED
    # fetch and page walk are private whatever the C-bit says
    assert vm.access(LAUNCHED, Reach.FETCH, private=0)[0] == Verdict.ALLOWED
    assert vm.access(SHARED, Reach.WALK, private=0)[:2] == (Verdict.STOPPED, Stop.NOT_ASSIGNED)
    table = assigned_table()
    table.pvalidate(key(UNIT), 0, 1)
    for reach in (Reach.FETCH, Reach.WALK):
        result = table.access(key(UNIT), gpa=UNIT, kind=reach, private=0)
        assert result.outcome == RmpOutcome.DONE


@row("1.6-private-not-owned")
def _() -> None:
    table = assigned_table()
    wrong: tuple[RmpKey, ...] = (
        key(4 * UNIT),  # beyond the RMP
        key(0),  # hypervisor's
        key(UNIT, asid=9),
        key(UNIT, gpa=0),
    )
    for who in wrong:
        for reach, where in ((Reach.READ, Npf.FINAL), (Reach.WALK, Npf.PAGE_TABLE)):
            result = table.access(who, private=1, kind=reach, gpa=who.gpa)
            assert (result.outcome, result.npf) == (RmpOutcome.NPF, Npf.RMP | Npf.ENC | where)
    vm = snp()
    assert vm.access(SHARED) == (Verdict.STOPPED, Stop.NOT_ASSIGNED, NPF)
    assert vm.access(HOLE) == (Verdict.STOPPED, Stop.NOT_RAM, NPF)


@row("1.6-nested-larger")
def _() -> None:
    table = assigned_table()
    table.pvalidate(key(UNIT), 0, 1)
    result = table.access(key(UNIT, nested_2m=1), private=1, gpa=UNIT)
    assert (result.outcome, result.npf) == (RmpOutcome.NPF, NPF | Npf.SIZEM)
    # a small nested mapping of a 2M entry is fine
    whole = assigned_table(size_2m=1)
    whole.pvalidate(key(UNIT, nested_2m=1), 1, 1)
    assert whole.access(key(UNIT), private=1, gpa=UNIT).outcome == RmpOutcome.DONE


@row("1.6-guest-invalid-vc")
def _() -> None:
    vm = snp()
    for reach in Reach:
        assert vm.access(FRESH, reach) == (Verdict.GUEST_FAULT, 0, 0x404)
    assert [e.kind for e in vm.events()] == [Kind.ASSIGN]


@row("1.6-vmpl-forbids")
def _() -> None:
    verdict, stop, npf = snp().access(LAUNCHED, Reach.WRITE, vmpl=2)
    assert (verdict, stop) == (Verdict.STOPPED, Stop.VMPL)
    assert npf == Npf.VMPL | Npf.FINAL | Npf.ENC


@row("1.6-shared-write")
def _() -> None:
    vm = snp()
    assert vm.access(SHARED, Reach.WRITE, private=0)[0] == Verdict.ALLOWED
    verdict, stop, npf = vm.access(LAUNCHED, Reach.WRITE, private=0)
    assert (verdict, stop, npf) == (Verdict.STOPPED, Stop.SHARED_ACCESS, Npf.RMP | Npf.FINAL)


@row("1.6-shared-read")
def _() -> None:
    vm = snp()
    assert vm.access(SHARED, Reach.READ, private=0)[0] == Verdict.ALLOWED
    assert vm.access(LAUNCHED, Reach.READ, private=0)[0] == Verdict.CIPHERTEXT
    # nobody owns it yet, and the host has nothing mapped for shared use
    assert vm.access(FRESH, Reach.READ, private=0)[:2] == (Verdict.STOPPED, Stop.SHARED_ACCESS)
    assert vm.access(HOLE, Reach.READ, private=0)[0] == Verdict.MMIO


@row("1.6-priority")
def _() -> None:
    """Owner, then Validated, then VMPL."""
    table = assigned_table()
    result = table.access(key(UNIT, asid=2), private=1, vmpl=3, gpa=UNIT)
    assert (result.outcome, result.npf & Npf.VMPL) == (RmpOutcome.NPF, 0)
    result = table.access(key(UNIT), private=1, vmpl=3, gpa=UNIT)
    assert result.outcome == RmpOutcome.NOT_VALIDATED
    table.pvalidate(key(UNIT), 0, 1)
    result = table.access(key(UNIT), private=1, vmpl=3, gpa=UNIT)
    assert (result.outcome, result.npf & Npf.VMPL) == (RmpOutcome.NPF, Npf.VMPL)


@row("1.6-vc-error-code")
def _() -> None:
    assert snp().access(FRESH)[2] == 0x404


# --- the host's two policies (1.8 fallback rows are with the GHCB) ---------------------


@row("1.8-host-backing-4k")
def _() -> None:
    """2M fails with 6; then each 4K page takes one more exit, but the first: 1024 per 4 MiB."""
    vm = snp(backing_4k=1)
    exits = 0
    for unit in (FRESH, FRESH + UNIT):
        outcome, answer = vm.pvalidate(unit, 1, 1)
        assert (outcome, answer.eax) == (SnpOutcome.DONE, MISMATCH)
        exits += answer.exits
        for page in range(512):
            outcome, answer = vm.pvalidate(unit + page * PAGE, 0, 1)
            assert (outcome, answer.eax, answer.carry) == (SnpOutcome.DONE, 0, 0)
            exits += answer.exits
    assert exits == 1024
    assert vm.accepted() == 3 * UNIT


@row("1.8-host-backing-4k-prefault")
def _() -> None:
    vm = snp(backing_4k=1, assign_advance=1)
    assert vm.pvalidate(FRESH, 1, 1)[1].exits == 0
    assert sum(vm.pvalidate(FRESH + n * PAGE, 0, 1)[1].exits for n in range(512)) == 0


@row("1.8-fallback-2m-to-4k")
def _() -> None:
    """A unit of which the host took one page back: 2M says 6, 4K from the same start works."""
    vm = snp()
    done(vm, LAUNCHED, 1, 0)
    assert vm.msr(0x014 | (LAUNCHED + PAGE) | Psc.SHARED << 52).msr == 0x015
    assert vm.msr(0x014 | (LAUNCHED + PAGE) | Psc.PRIVATE << 52).msr == 0x015
    assert done(vm, LAUNCHED, 1, 1) == (MISMATCH, 0)
    assert {done(vm, LAUNCHED + n * PAGE, 0, 1) for n in range(512)} == {(0, 0)}


# --- section 6 ------------------------------------------------------------------------


@row("6.1-carry-and-data")
def _() -> None:
    vm = snp(backing_4k=1)
    seen = set()
    for gpa, size, validate in ((FRESH, 1, 1), (FRESH, 0, 1), (FRESH, 0, 1), (FRESH, 2, 1)):
        seen.add(done(vm, gpa, size, validate))
    assert seen == {(MISMATCH, 0), (0, 0), (0, 1), (INPUT, 0)}
    assert vm.recorder.scrubs() == []


@row("6.2-404-only-own-unvalidated")
def _() -> None:
    vm = snp()
    vm.act("attack_alias", LAUNCHED, LAUNCHED + PAGE)
    faults = {gpa: vm.access(gpa)[0] for gpa in (FRESH, LAUNCHED, SHARED, HOLE)}
    assert [gpa for gpa, verdict in faults.items() if verdict == Verdict.GUEST_FAULT] == [FRESH]


@row("6.3-rmpupdate-clears-psmash-keeps")
def _() -> None:
    vm = snp()
    vm.act("attack_reassign", LAUNCHED)
    states = [vm.state(LAUNCHED + n * PAGE) for n in range(512)]
    assert states == [State.UNACCEPTED] + [State.ACCEPTED] * 511


@row("6.4-shared-access-to-guest-page")
def _() -> None:
    vm = snp()
    assert vm.access(LAUNCHED, Reach.WRITE, private=0)[0] == Verdict.STOPPED
    assert vm.access(LAUNCHED, Reach.READ, private=0)[0] == Verdict.CIPHERTEXT


@row("6.8-host-policies-snp")
def _() -> None:
    calls = {}
    for backing_4k in (0, 1):
        vm = snp(backing_4k=backing_4k)
        count = 1
        if done(vm, FRESH, 1, 1)[0] == MISMATCH:
            for page in range(512):
                done(vm, FRESH + page * PAGE, 0, 1)
                count += 1
        assert vm.state(FRESH + UNIT - PAGE) == State.ACCEPTED
        calls[backing_4k] = count
    assert calls == {0: 1, 1: 513}


@row("6.9-awkward-ranges-snp")
def _() -> None:
    """RAM shorter than a unit, unaligned head and tail, a hole, an end inside a unit."""
    layout = Layout(ram=((0x3000, 0x5000), (UNIT + 0x7000, 2 * UNIT), (5 * UNIT, UNIT + PAGE)))
    vm = Snp(layout)
    assert done(vm, 2 * UNIT, 1, 1) == (0, 0)
    # a 2M accept at the short tail finds a 4K page behind it
    assert done(vm, 6 * UNIT, 1, 1) == (MISMATCH, 0)
    for start, size in layout.ram:
        for gpa in (start, start + size - PAGE):
            if vm.state(gpa) != State.ACCEPTED:
                assert done(vm, gpa, 0, 1) == (0, 0)
        assert vm.pvalidate(start + size, 0, 1)[0] == SnpOutcome.STOPPED
        assert vm.pvalidate(start - PAGE, 0, 1)[0] == SnpOutcome.STOPPED


@row("6.10-trace-alone-snp")
def _() -> None:
    """Replaying the events gives the state that the model has."""
    vm = snp()
    done(vm, FRESH, 1, 1)
    done(vm, FRESH + PAGE, 0, 0)
    vm.msr(0x014 | (FRESH + PAGE) | Psc.SHARED << 52)
    vm.msr(0x014 | (LAUNCHED + PAGE) | Psc.SHARED << 52)
    pages = {LAUNCHED + n * PAGE: State.ACCEPTED for n in range(512)}
    effect = {
        Kind.ASSIGN: State.UNACCEPTED,
        Kind.ACCEPT: State.ACCEPTED,
        Kind.RESCIND: State.UNACCEPTED,
        Kind.REMOVE: State.HOST,
    }
    for event in vm.events():
        if event.kind in effect and not event.result:
            for gpa in range(event.gpa, event.gpa + event.size, PAGE):
                pages[gpa] = effect[Kind(event.kind)]
    for gpa in range(0x100000, TOP, PAGE):
        assert vm.state(gpa) == pages.get(gpa, State.HOST)


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
