# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.3: RMPADJUST."""

from __future__ import annotations

import pytest

from tests.model.names import (
    Kind,
    Npf,
    RmpOutcome,
    SnpOutcome,
    Stop,
    Verdict,
)
from tests.model.rows import Rows, Vector
from tests.model.structs import PAGE, UNIT
from tests.model.vectors.snp import (
    FRESH,
    INPUT,
    LAUNCHED,
    MISMATCH,
    NPF,
    PERMISSION,
    XS,
    R,
    W,
    adjusted,
    assigned_table,
    done,
    key,
    perms,
    snp,
)

row = Rows()


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
