# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.8: the host's two policies of backing SNP memory."""

from __future__ import annotations

import pytest

from tests.model.names import (
    Psc,
    SnpOutcome,
)
from tests.model.rows import Rows, Vector
from tests.model.structs import PAGE, UNIT
from tests.model.vectors.snp import (
    FRESH,
    LAUNCHED,
    MISMATCH,
    done,
    snp,
)

row = Rows()


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


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
