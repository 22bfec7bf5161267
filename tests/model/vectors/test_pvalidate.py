# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.2: what PVALIDATE answers."""

from __future__ import annotations

import pytest

from tests.model.names import (
    Kind,
    Npf,
    Psc,
    RmpOutcome,
    SnpOutcome,
    State,
    Stop,
    Verdict,
)
from tests.model.recorder import Event
from tests.model.rows import Rows, Vector
from tests.model.structs import NO_CARRY, PAGE, UNIT
from tests.model.vectors.snp import (
    FRESH,
    HOLE,
    INPUT,
    LAUNCHED,
    MISMATCH,
    NPF,
    SHARED,
    TOP,
    assigned_table,
    done,
    key,
    snp,
)

row = Rows()


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
