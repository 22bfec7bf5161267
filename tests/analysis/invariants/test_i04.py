# SPDX-License-Identifier: GPL-2.0-only
"""I4: the bitmap and the states of pages agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import UNIT_SIZE
from tests.analysis.invariants.guests import after_boot, at, ended, finished, titles
from tests.analysis.synthetic import MIB


def test_bit_left_set_for_an_accepted_unit(tmp_path: Path) -> None:
    guest = after_boot()
    guest.clock += 1 << 30
    guest.bits[8] = True
    found = titles(finished(guest), tmp_path)
    assert "the bitmap says unaccepted, but the unit is accepted" in found


@pytest.mark.parametrize(
    ("outcome", "vcpu", "found"),
    [("panic", 1, False), ("userspace", 1, True), ("panic", None, True)],
)
def test_bits_that_a_vcpu_could_not_clear_when_it_died(
    outcome: str, vcpu: int | None, found: bool, tmp_path: Path
) -> None:
    """It accepted two units; whoever goes on accepting elsewhere has cleared the bits of what it finished."""
    guest = after_boot(cpus=4)
    start = at(guest, 40 * MIB)
    for unit in (start, start + UNIT_SIZE):
        guest.accept_unit(unit, 1)
    if vcpu is None:
        guest.accept_memory(at(guest, 52 * MIB), UNIT_SIZE, vcpu=1)
    guest.clock += 1 << 30
    told = titles(ended(guest), tmp_path, outcome=outcome)
    assert ("the bitmap says unaccepted, but the unit is accepted" in told) == found


@pytest.mark.parametrize("later", [0, 1 << 30])
def test_a_bit_may_be_set_for_a_moment_after_its_unit_was_accepted(
    later: int, tmp_path: Path
) -> None:
    """Linux clears the bit when accept_memory() of the range has returned."""
    guest = after_boot()
    guest.accept_unit(at(guest, 40 * MIB), 0)
    guest.clock += later
    guest.snapshot("between")
    guest.bits[40 * MIB // UNIT_SIZE] = False
    found = titles(finished(guest), tmp_path)
    assert found == ["the bitmap says unaccepted, but the unit is accepted"] * bool(later)
