# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.3: TD exits that ACCEPT raises."""

from __future__ import annotations

import pytest

from tests.model.names import (
    Kind,
    Reach,
    TdxOutcome,
)
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    PAGE,
    UNIT,
)
from tests.model.vectors.tdx import (
    ACCEPTED,
    FRESH,
    accept_info,
    large,
    tdx,
)

row = Rows()


@row("2.3-exit-information")
def _() -> None:
    vm = tdx()
    vm.act("attack_block", ACCEPTED)
    outcome, _, answer = vm.accept(ACCEPTED | 1)
    assert outcome == TdxOutcome.STOPPED
    assert answer.fault.platform == 48
    assert answer.fault.exit_info == accept_info(1, 1, 1, 1)
    assert answer.gpa == ACCEPTED


@row("2.3-requested-level-decides-aug")
def _() -> None:
    vm = tdx()
    vm.accept(FRESH | 1)
    vm.accept(FRESH + UNIT)
    assigned = [(e.gpa, e.size) for e in vm.events() if e.kind == Kind.ASSIGN]
    assert assigned == [(FRESH, UNIT), (FRESH + UNIT, PAGE)]


@row("2.3-eeq-types")
def _() -> None:
    """0 for a plain access, 1 for an accept, 6 for a pending page."""
    assert large("FREE").access(0, Reach.READ, 1) == (2, 0)
    assert large("FREE").accept(0, 1)[2] & 0xFFFFFFFF == 1
    assert large("PENDING").access(0, Reach.READ, 1) == (2, 6)


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
