# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.10: termination codes."""

from __future__ import annotations

import pytest

from tests.model.names import GhcbOutcome, MsrAction
from tests.model.rows import Rows, Vector
from tests.model.vectors.ghcb import (
    GHCB,
    registered,
    snp,
)

row = Rows()


CODES = {
    0x000100: (0, 0),
    0x010100: (0, 1),
    0x020100: (0, 2),
    0x001100: (1, 0),
    0x011100: (1, 1),
    0x021100: (1, 2),
    0x031100: (1, 3),
    0x041100: (1, 4),
    0x051100: (1, 5),
    0x061100: (1, 6),
    0x071100: (1, 7),
    0x081100: (1, 8),
    0x091100: (1, 9),
}


@row("1.10-codes")
def _() -> None:
    vm = snp()
    for value, expected in CODES.items():
        answer = vm.msr(value)
        assert (answer.action, (answer.set, answer.reason)) == (MsrAction.TERMINATE, expected)


@row("1.10-through-the-page")
def _() -> None:
    vm, page = registered()
    page.request(0x8000FFFE, info1=0, info2=1 << 12)
    outcome, request = vm.ghcb(GHCB)
    assert (outcome, request.exit, request.info2) == (GhcbOutcome.REQUEST, 0x8000FFFE, 1 << 12)


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
