# SPDX-License-Identifier: GPL-2.0-only
"""A clock in the text's table of runs is whole: in full, or rounded in a larger unit, never cut."""

from __future__ import annotations

import pytest

from acceptlab.analysis.report.run_text import _fitting


@pytest.mark.parametrize(
    ("value", "letters", "shown"),
    [
        ("2,741,812,083 instr.", 20, "2,741,812,083 instr."),
        ("2,741,812,083 instr.", 15, "2,741.8 M instr"),
        ("12,741,812,083 instr.", 15, "12.7 G instr"),
        ("2,741,812,083 ns", 15, "2,741.8 ms"),
        ("912,741,812,083 ns", 8, "912.7 s"),
        ("7.3.4+deb13-cloud-amd64", 15, "7.3.4+deb13-cloud-amd64"),
        ("", 15, ""),
    ],
)
def test_a_clock_without_room_is_rounded_in_a_larger_unit(
    value: str, letters: int, shown: str
) -> None:
    assert _fitting(value, letters) == shown
