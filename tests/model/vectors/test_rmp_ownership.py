# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.4: RMP entries and whose page it is."""

from __future__ import annotations

import pytest

from tests.model.names import (
    Npf,
    Reach,
    RmpFlag,
    RmpOutcome,
    Stop,
    Verdict,
)
from tests.model.rows import Rows, Vector
from tests.model.snp_guest import RmpTable, Snp
from tests.model.structs import PAGE, UNIT
from tests.model.vectors.snp import (
    FRESH,
    LAUNCHED,
    LAYOUT,
    MISMATCH,
    PERMISSION,
    SHARED,
    R,
    adjusted,
    assigned_table,
    done,
    key,
    snp,
)

row = Rows()


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


@row("1.4-vmsa-in-use")
def _() -> None:
    """While the vCPU runs from it: an RMP fault for every vCPU; its neighbour is as it was."""
    vm = snp()
    page, other = LAUNCHED, LAUNCHED + 5 * PAGE
    assert vm.start_vcpu(1, page) == -1
    for area in (page, other):
        assert adjusted(vm, area, 0, 1 | 1 << 16) == 0
    assert vm.access(page, Reach.WRITE)[0] == Verdict.ALLOWED
    vm.events()
    assert vm.start_vcpu(1, page) == 0
    assert vm.recorder.lost() == [(page, PAGE)]
    assert vm.start_vcpu(2, other) == -1  # there are two
    assert vm.start_vcpu(0, other + 1) == -1
    for reach in Reach:
        where = Npf.PAGE_TABLE if reach == Reach.WALK else Npf.FINAL
        fault = (Verdict.STOPPED, Stop.SAVE_AREA, Npf.RMP | Npf.ENC | where)
        assert vm.access(page + 8, reach) == fault
    assert vm.access(page, private=0)[0] == Verdict.CIPHERTEXT
    assert vm.access(page + PAGE)[0] == vm.access(other)[0] == Verdict.ALLOWED
    vm.recorder.halt(1)
    assert vm.access(page)[0] == Verdict.ALLOWED
    vm.recorder.halt(0)
    assert vm.access(page)[0] == Verdict.STOPPED
    assert vm.start_vcpu(1, other) == 0  # from another save area: the first one is free
    assert vm.access(page)[0] == Verdict.ALLOWED
    assert vm.access(other)[:2] == (Verdict.STOPPED, Stop.SAVE_AREA)
    vm.destroy_vcpu(1)
    assert vm.access(other)[0] == Verdict.ALLOWED


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
