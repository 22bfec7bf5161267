# SPDX-License-Identifier: GPL-2.0-only
"""Where the kernel's image begins, from the first instruction in it, wherever in the image that is."""

from __future__ import annotations

import pytest

from tests.emulator.conftest import Boot
from tests.emulator.kernel_map import KERNEL_MAP, LINKED_AT

TEXT = KERNEL_MAP + 24 * 0x200000
"""Where tests/guests/kaslr.c has its image."""


@pytest.mark.parametrize("case", ["first", "second", "last"])
def test_offset_is_that_of_the_image(bare: Boot, platform: str, case: str) -> None:
    run = bare(platform, "kaslr", f"case_{case}")
    assert "done" in run.lines
    assert run.report is not None
    assert int(run.report["kaslr_offset"], 16) == TEXT - LINKED_AT


def test_an_image_at_the_start_of_the_kernel_map_has_nothing_below(bare: Boot) -> None:
    run = bare("snp", "callers", "case_wants")
    assert run.report is not None
    assert int(run.report["kaslr_offset"], 16) == (KERNEL_MAP - LINKED_AT) % (1 << 64)
