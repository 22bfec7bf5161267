# SPDX-License-Identifier: GPL-2.0-only
"""I2: a page is accepted once."""

from __future__ import annotations

from pathlib import Path

from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind
from tests.analysis.invariants.guests import after_boot, at, finished, titles
from tests.analysis.synthetic import MIB


def test_second_success_without_anything_between(tmp_path: Path) -> None:
    guest = after_boot()
    guest.accept_block(at(guest, 16 * MIB), UNIT_SIZE)
    assert titles(finished(guest), tmp_path) == ["accepted a page twice"]


def test_a_page_that_was_given_back_may_be_accepted(tmp_path: Path) -> None:
    """Without a conversion as well: the rescind alone gives it back."""
    guest = after_boot()
    page = at(guest, 16 * MIB)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0)
    guest.accept_block(page, PAGE_SIZE)
    assert titles(finished(guest), tmp_path) == []
