# SPDX-License-Identifier: GPL-2.0-only
"""RFLAGS after CMPXCHG8B and CMPXCHG16B: ZF by the comparison, the others as they were (SDM Vol 2A)."""

from __future__ import annotations

import pytest

from tests.emulator.conftest import Boot

CF, PF, AF, ZF, SF, OF = 0x1, 0x4, 0x10, 0x40, 0x80, 0x800
AFTER_CARRY = CF | PF | AF
"""What 0xff + 1 leaves, less ZF, in eight bits."""
AFTER_OVERFLOW = AF | SF | OF
"""What 0x7f + 1 leaves."""


@pytest.mark.parametrize("name", ["eight", "sixteen", "locked-eight", "locked-sixteen"])
def test_compare_exchange_changes_zf_alone(bare: Boot, name: str) -> None:
    run = bare("snp", "flags", "case_compare_exchange")
    assert run.said(name) == [
        {
            "carry": AFTER_CARRY,
            "carry-equal": AFTER_CARRY | ZF,
            "overflow": AFTER_OVERFLOW,
            "overflow-equal": AFTER_OVERFLOW | ZF,
        }
    ]
