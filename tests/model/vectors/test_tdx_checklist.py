# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 6: the checklist of the emulator, for TDX."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import (
    Attack,
    Kind,
    State,
    TdxOutcome,
    Verdict,
)
from tests.model.recorder import states_after
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    PAGE,
    R8,
    R9,
    RAX,
    RDX,
    UNIT,
)
from tests.model.td import Tdx
from tests.model.vectors.tdx import (
    ACCEPTED,
    ALREADY,
    BUSY,
    FRESH,
    INVALID,
    MISMATCH,
    TD_CTLS,
    TOP,
    linux_accept,
    status,
    tdx,
)

row = Rows()


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
    pages |= states_after(vm.events(), effect)
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
