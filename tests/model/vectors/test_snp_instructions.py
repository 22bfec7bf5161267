# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.1: operands of the SNP instructions, and what each does to an RMP entry."""

from __future__ import annotations

import pytest

from tests.model.names import (
    Kind,
    Reach,
    RmpFlag,
    SnpOutcome,
    Verdict,
)
from tests.model.rows import Rows, Vector
from tests.model.snp_guest import RmpTable
from tests.model.structs import PAGE, UNIT
from tests.model.vectors.snp import (
    FRESH,
    INPUT,
    LAUNCHED,
    OVERLAP,
    SSS,
    XS,
    XU,
    R,
    W,
    adjusted,
    assigned_table,
    done,
    perms,
    snp,
)

row = Rows()


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
