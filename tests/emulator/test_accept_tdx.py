# SPDX-License-Identifier: GPL-2.0-only
"""TDG.MEM.PAGE.ACCEPT and the rest of TDCALL as a guest sees them (semantics.md 2.1, 2.2, 2.7)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE, SHARED_BIT, UNIT
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

BACKED_4K = Setup(properties=("host-backing=4K",))
ASSIGNED = Setup(properties=("host-assign=advance",))
UD, GP = 6, 13

ALREADY_ACCEPTED = 0x00000B0A00000000
SIZE_MISMATCH = 0xC0000B0B00000000
INVALID_RAX, INVALID_RCX = 0xC000010000000000, 0xC000010000000001
NOT_WRITABLE = 0xC0000C0100000000
VMCALL_INVALID, VMCALL_ALIGN, VMCALL_UNSUPPORTED = (0x8000000000000000 | n for n in (0, 2, 3))


def accepts(run: BareRun) -> list[tuple[int, int, int]]:
    """Return (gpa, size, status) of the accept events."""
    return [(event.gpa, event.size, event.result) for event in run.of("accept")]


def test_accepting_twice_tells_the_level(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_twice")
    assert run.value("first") == 0
    assert run.value("second") == ALREADY_ACCEPTED
    assert run.value("unit") == 0
    assert run.value("unit-again") == ALREADY_ACCEPTED | 1
    assert run.value("page-of-it") == ALREADY_ACCEPTED | 1
    assert accepts(run) == [
        (FRESH, PAGE, 0),
        (FRESH, PAGE, ALREADY_ACCEPTED),
        (FRESH + UNIT, UNIT, 0),
        (FRESH + UNIT, UNIT, ALREADY_ACCEPTED | 1),
        (FRESH + UNIT + PAGE, PAGE, ALREADY_ACCEPTED | 1),
    ]
    assert {event.rip for event in run.of("accept")} == {run.at("at_tdcall")}


def test_unit_on_a_host_of_pages_fails_with_size_mismatch(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_unit_of_pages", BACKED_4K)
    assert run.value("unit") == SIZE_MISMATCH | 1
    assert run.value("page") == 0
    assert run.value("read") == 0


def test_page_of_a_pending_unit_makes_the_host_split_it(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_page_of_unit", ASSIGNED)
    assert run.value("page") == 0
    split = run.only("split")
    assert (split.gpa, split.size, split.rip) == (FRESH, UNIT, run.at("at_tdcall"))
    assert run.value("accepted") == 0
    assert run.value("unit") == SIZE_MISMATCH | 1
    assert run.only("stop").gpa == FRESH + 6 * PAGE


@pytest.mark.parametrize(
    "operand", ["gigabyte", "level", "misaligned", "reserved", "high", "width", "shared"]
)
def test_bad_operand_is_answered_in_rax(bare: Boot, operand: str) -> None:
    run = bare("tdx", "accept_tdx", "case_operands")
    assert run.value(operand) == INVALID_RCX
    assert run.of("assign") == []


def test_unknown_leaves_are_no_faults(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_leaves")
    assert [run.value(name) for name in ("unknown", "version", "reserved")] == [INVALID_RAX] * 3
    [info] = run.said("info")
    assert (info["rax"], info["gpaw"], info["index"]) == (0, SHARED_BIT + 1, 0)
    assert info["vcpus"] == 1 << 32 | 1
    assert info["attributes"] == 1 << 28, "SEPT_VE_DISABLE"
    assert run.said("exception") == []


def test_pending_ve_is_an_attribute(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_leaves", Setup(properties=("pending-ve=on",)))
    assert run.said("info")[0]["attributes"] == 0


def test_cpl3_may_not(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_cpl3")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"]) == (GP, 0)
    assert (raised["rip"], raised["cs"]) == (run.at("at_user_tdcall"), 0x2B)


def test_compatibility_mode_may_not(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_compatibility_mode")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"]) == (GP, 0)
    assert (raised["rip"], raised["cs"]) == (run.at("at_compat_tdcall"), 0x40)
    assert "back" in run.lines


def test_instructions_of_the_other_platform_are_none_here(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_foreign")
    raised = [(e["vector"], e["rip"]) for e in run.said("exception")]
    assert raised == [(UD, run.at(name)) for name in ("at_pvalidate", "at_rmpadjust", "at_vmgexit")]


def test_metadata_fields(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_field")
    assert run.value("unknown") == 0xC0000C0000000000
    assert run.value("field-value") == 0
    assert run.value("read-only") == NOT_WRITABLE
    assert run.value("notify") == 0
    assert (run.value("topology"), run.value("configured")) == (0, 1)
    assert run.value("enumerate") == 0
    assert run.value("reduce") == NOT_WRITABLE


def test_accepted_page_reads_as_zero(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_content")
    assert run.value("fresh") == 0
    assert run.value("written") == 0x1122334455667788
    assert run.value("shared") == 0x99AABBCCDDEEFF00
    assert run.value("accept") == 0
    assert run.value("zero") == 0


def test_accepted_unit_reads_as_zero(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_content_of_unit")
    assert (run.value("accept"), run.value("first"), run.value("second")) == (0, 0, 0)


def test_map_gpa_checks_its_operands(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_map_gpa")
    assert run.value("misaligned") == VMCALL_ALIGN
    assert run.value("size") == VMCALL_ALIGN
    assert [run.value(name) for name in ("empty", "beyond", "hole")] == [VMCALL_INVALID] * 3
    assert run.value("device") == 0
    assert (run.value("shared"), run.value("private")) == (0, 0)


def test_vmcall_checks_its_operands(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_vmcall_operands")
    assert run.value("mask") == INVALID_RCX
    assert run.value("rbp") == INVALID_RCX
    for name in ("io-size", "io-port", "mmio-size", "msr"):
        assert run.value(name) == VMCALL_INVALID, name
    assert run.value("function") == VMCALL_UNSUPPORTED


def test_host_answers_cpuid_as_the_vcpu_has_it(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_vmcall_cpuid")
    assert run.value("status") == 0
    [host], [vcpu] = run.said("host"), run.said("vcpu")
    assert host == vcpu
    assert host["eax"] & 0xFF == 48, "physical address bits"
    assert (run.value("hypervisor-status"), run.said("hypervisor")[0]["eax"]) == (0, 0)


def test_report_is_written_to_private_memory(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_report")
    assert run.value("misaligned") == INVALID_RCX
    assert run.value("done") == 0
    assert run.value("data") == 0x1122334455667788


def test_pending_operand_stops(bare: Boot) -> None:
    """The module follows the rules of an access by the guest itself (semantics.md 2.6.6)."""
    run = bare("tdx", "accept_tdx", "case_report_to_pending")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip, stop.reason) == (FRESH, run.at("at_tdcall"), "pending")
    assert stop.access == "instruction"


def test_pending_operand_raises_ve_where_it_is_enabled(bare: Boot) -> None:
    setup = Setup(properties=("pending-ve=on",))
    run = bare("tdx", "accept_tdx", "case_report_to_pending", setup)
    fault = run.only("fault")
    assert (fault.gpa, fault.rip, fault.access) == (FRESH, run.at("at_tdcall"), "instruction")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["rip"]) == (20, run.at("at_tdcall"))
    assert run.said("ve")[0]["gpa"] == FRESH


MODULE_2_0 = Setup(properties=("module=2.0",))
ENTRY_STATE_INCORRECT = 0xC0000B0D00000001


def test_released_unit_is_accepted_again(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_release", MODULE_2_0)
    assert run.value("small") == SIZE_MISMATCH | 1
    assert (run.value("release"), run.value("again")) == (0, ENTRY_STATE_INCORRECT)
    assert (run.value("accept"), run.value("zero")) == (0, 0)
    assert [(e.gpa, e.size, e.result) for e in run.of("release")] == [
        (FRESH, PAGE, SIZE_MISMATCH | 1),
        (FRESH, UNIT, 0),
        (FRESH, UNIT, ENTRY_STATE_INCORRECT),
    ]
    assert {event.rip for event in run.of("release")} == {run.at("at_tdcall")}


def test_use_of_a_released_page_stops(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_use_released", MODULE_2_0)
    assert run.value("release") == 0
    stop = run.only("stop")
    assert (stop.gpa, stop.reason, stop.access) == (FRESH + 8, "pending", "read")
    assert run.said("read") == []


def test_module_1_5_has_no_release(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_use_released")
    assert run.value("release") == INVALID_RAX
    assert run.value("read") == 0x1122334455667788
    assert run.of("release") == []


def test_module_2_0_reduces_ve(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_reduce_ve", MODULE_2_0)
    assert (run.value("reduce"), run.value("apic-id"), run.value("exceptions")) == (0, 0, 0)


def test_module_that_does_not_exist_is_refused(bare: Boot) -> None:
    run = bare("tdx", "accept_tdx", "case_twice", Setup(properties=("module=3.0",)))
    assert run.exit_code == 1
    assert "module: 1.5 or 2.0, not '3.0'" in run.log
