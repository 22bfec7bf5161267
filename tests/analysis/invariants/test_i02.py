# SPDX-License-Identifier: GPL-2.0-only
"""I2: a page is accepted once."""

from __future__ import annotations

from pathlib import Path

from acceptlab.analysis.trace.schema import UNIT_SIZE
from tests.analysis.invariants.guests import after_boot, at, finished, titles
from tests.analysis.synthetic import MIB


def test_second_success_without_anything_between(tmp_path: Path) -> None:
    guest = after_boot()
    guest.accept_block(at(guest, 16 * MIB), UNIT_SIZE)
    assert titles(finished(guest), tmp_path) == ["accepted a page twice"]
