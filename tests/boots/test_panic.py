# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that panics before it has a console, and before it knows `panic=-1`, so that it would go round in circles for ever."""

from __future__ import annotations

import pytest

from tests.boots.conftest import BootGuest


@pytest.mark.parametrize("platform", ["snp", pytest.param("tdx", marks=pytest.mark.long)])
def test_a_panic_before_the_console_is_told_in_the_kernel_s_words(
    boot: BootGuest, platform: str
) -> None:
    run = boot("debian:6.12", "--platform", platform, "--memory", "2G", "--append", "mem=4M")
    assert (run.exit_code, run.run["outcome"]) == (1, "panic"), run.output
    assert "percpu" in run.run["reason"]
    assert "Kernel panic" not in run.console
    assert run.run["report"]["outcome"] == "panic"  # by the emulator, and by no time limit
