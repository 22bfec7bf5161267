# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that write to what they read are one access, a write, though the emulator loads first."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

MODIFY = [
    "exchange64",
    "add64",
    "add8",
    "add_immediate",
    "locked_add32",
    "shift",
    "shift_by_cl",
    "not",
    "increment",
    "set_bit",
    "clear_bit",
    "compare_exchange",
    "exchange_add",
    "compare_exchange16",
    "double_shift",
    "exchange_across_pages",
]
READ = [
    "compare",
    "compare_immediate",
    "test",
    "multiply",
    "add_to_register",
    "test_bit",
    "push_operand",
]
DISPLACED = {"add_immediate": 0x40}
WRITTEN, READ_ONLY = 1 << 1, 1 << 0
"""Exit qualification of an EPT violation (SDM Vol 3C table 28-7)."""


@pytest.mark.parametrize("threads", ["single", "multi"])
@pytest.mark.parametrize("case", MODIFY)
def test_modification_is_a_write(bare: Boot, case: str, threads: str) -> None:
    run = bare("snp", "touch_unaccepted", f"case_{case}", Setup(threads=threads))
    fault = run.only("fault")
    assert (fault.rip, fault.access) == (run.at(f"at_{case}"), "write")
    assert fault.gpa == FRESH + PAGE + DISPLACED.get(case, 0)


@pytest.mark.parametrize("case", READ)
def test_what_only_reads_is_a_read(bare: Boot, case: str) -> None:
    run = bare("snp", "touch_unaccepted", f"case_{case}")
    fault = run.only("fault")
    assert (fault.rip, fault.access, fault.gpa) == (run.at(f"at_{case}"), "read", FRESH + PAGE)


def test_td_is_stopped_at_the_write(bare: Boot) -> None:
    stop = bare("tdx", "touch_unaccepted", "case_exchange64").only("stop")
    assert (stop.access, stop.reason) == ("write", "pending")


@pytest.mark.parametrize(("case", "bit"), [("exchange64", WRITTEN), ("compare", READ_ONLY)])
def test_td_is_told_of_the_write(bare: Boot, case: str, bit: int) -> None:
    """SDM Vol 3C 28.2.1: bit 1 is set; whether bit 0 is as well depends on the processor."""
    setup = Setup(properties=("pending-ve=on",))
    [told] = bare("tdx", "touch_unaccepted", f"case_{case}", setup).said("ve")
    assert told["qualification"] & (WRITTEN | READ_ONLY) == bit
