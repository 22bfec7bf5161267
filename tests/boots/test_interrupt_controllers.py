# SPDX-License-Identifier: GPL-2.0-only
"""The PC's interrupt controllers, of which the MADT says nothing: they are masked when the kernel starts, as firmware leaves them."""

from __future__ import annotations

import pytest

from tests.boots.conftest import BootGuest


@pytest.mark.parametrize("platform", ["tdx", pytest.param("snp", marks=pytest.mark.long)])
def test_a_kernel_that_takes_interrupts_from_them_hears_none(
    boot: BootGuest, platform: str
) -> None:
    """With nosmp it opens its line to them and has set no vectors: an interrupt would be a divide error, whose vector is 0."""
    run = boot("debian:newest", "--platform", platform, "--memory", "1G", "--append", "nosmp")
    assert "Run /init as init process" in run.console
    assert "divide error" not in run.console
