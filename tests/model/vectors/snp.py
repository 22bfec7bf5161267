# SPDX-License-Identifier: GPL-2.0-only
"""An SNP guest for vectors, and shorthands for what it does."""

from __future__ import annotations

from tests.model.guest import Layout
from tests.model.names import (
    Npf,
    SnpOutcome,
)
from tests.model.snp_guest import RmpTable, Snp
from tests.model.structs import PAGE, UNIT, RmpKey

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
