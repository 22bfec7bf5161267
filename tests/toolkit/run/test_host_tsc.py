# SPDX-License-Identifier: GPL-2.0-only
"""The host's time-stamp counter is measured, and told to guests that need it."""

from __future__ import annotations

import re

from acceptlab.toolkit.run.host_tsc import host_tsc_khz
from acceptlab.toolkit.run.materials import full_command_line
from acceptlab.toolkit.run.options import RunOptions


def test_two_measurements_agree() -> None:
    first, second = host_tsc_khz(), host_tsc_khz()
    assert 100_000 < first < 20_000_000  # 0.1 to 20 GHz
    assert abs(first - second) < first / 500


def test_only_a_guest_that_does_not_count_instructions_is_told() -> None:
    assert "tsc" not in full_command_line(RunOptions("k"))
    told = re.search(r" tsc_early_khz=(\d+)$", full_command_line(RunOptions("k", threads="multi")))
    assert told is not None
    assert int(told[1]) > 100_000
