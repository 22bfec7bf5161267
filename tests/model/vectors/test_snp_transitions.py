# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.5: how an SNP page changes its state."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import (
    Attack,
    Kind,
    Reach,
    RmpFlag,
    RmpOutcome,
    State,
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
    R,
    assigned_table,
    done,
    key,
    snp,
)

row = Rows()


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
