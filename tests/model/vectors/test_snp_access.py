# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.6: who may access an SNP page."""

from __future__ import annotations

import pytest

from tests.model.names import (
    Kind,
    Npf,
    Reach,
    RmpOutcome,
    Stop,
    Verdict,
)
from tests.model.rows import Rows, Vector
from tests.model.structs import PAGE, UNIT, RmpKey
from tests.model.vectors.snp import (
    FRESH,
    HOLE,
    LAUNCHED,
    NPF,
    SHARED,
    assigned_table,
    key,
    snp,
)

row = Rows()


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


@row("1.6-implicit-to-shared")
def _() -> None:
    """semantics.md 2.10.8: by an access that faults; what is mapped can be read all the same, as ciphertext."""
    vm = snp(implicit=1)
    before = vm.accepted()
    vm.events()
    assert vm.access(LAUNCHED, Reach.READ, private=0)[0] == Verdict.CIPHERTEXT
    assert vm.events() == []
    assert vm.access(LAUNCHED + 8, Reach.WRITE, private=0)[0] == Verdict.ALLOWED
    assert vm.access(FRESH, Reach.READ, private=0)[0] == Verdict.ALLOWED
    converted = [e for e in vm.events() if e.kind == Kind.CONVERT]
    assert [(e.gpa, e.size, e.detail) for e in converted] == [
        (LAUNCHED, PAGE, 0x102), (FRESH, PAGE, 0x102),
    ]  # fmt: skip
    assert vm.accepted() == before - PAGE
    assert vm.access(LAUNCHED, Reach.READ, private=0)[0] == Verdict.ALLOWED


@row("1.6-implicit-to-private")
def _() -> None:
    vm = snp(implicit=1)
    vm.events()
    assert vm.access(SHARED) == (Verdict.GUEST_FAULT, 0, 0x404)
    assert [(e.kind, e.detail) for e in vm.events()] == [(Kind.CONVERT, 0x101), (Kind.ASSIGN, 0)]
    assert vm.pvalidate(SHARED, 0, 1)[1].eax == 0
    assert vm.access(SHARED)[0] == Verdict.ALLOWED
    assert vm.access(HOLE)[1] == Stop.NOT_RAM, "what is no RAM stays so"


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
