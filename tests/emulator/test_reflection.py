# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that the host intercepts: reflected as #VC or #VE, or executed natively (semantics.md 1.6, 1.9, 2.6)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

VC, VE, DF = 29, 20, 8
SNP_CODES = [
    # APM Vol 2 appendix C: SVM intercept codes
    ("cpuid", 0x72),
    ("rdmsr", 0x7C),
    ("wrmsr", 0x7C),
    ("in8", 0x7B),
    ("out32", 0x7B),
    ("out8_immediate", 0x7B),
    ("outs8", 0x7B),
    ("wbinvd", 0x89),
    ("invd", 0x76),
    ("rdpmc", 0x6F),
    ("monitor", 0x8A),
    ("mwait", 0x8B),
    ("write_dr7", 0x37),
    ("read_dr7", 0x27),
]
IN, STRING, REP, IMMEDIATE = 1 << 3, 1 << 4, 1 << 5, 1 << 6
TDX_REASONS = [
    # SDM Vol 3D appendix C: exit reasons; table 28-5: I/O qualification; then the instruction's length
    ("cpuid", 10, 0, 2),
    ("rdmsr", 31, 0, 2),
    ("wrmsr", 32, 0, 2),
    ("in8", 30, 0x80 << 16 | IN, 1),
    ("out32", 30, 0x81 << 16 | 3, 1),
    ("outs8", 30, 0x82 << 16 | STRING | REP, 2),
    ("out8_immediate", 30, 0x80 << 16 | IMMEDIATE, 2),
    ("hlt", 12, 0, 1),
    ("wbinvd", 54, 0, 2),
    ("invd", 13, 0, 2),
    ("monitor", 39, 0, 3),
    ("mwait", 36, 0, 3),
]


@pytest.mark.parametrize(("name", "code"), SNP_CODES, ids=[name for name, _ in SNP_CODES])
def test_snp_reflects(bare: Boot, name: str, code: int) -> None:
    run = bare("snp", "reflect_snp", "case_reflected")
    [raised] = [e for e in run.said("exception") if e["rip"] == run.at(f"at_{name}")]
    assert (raised["vector"], raised["error"]) == (VC, code)


def test_snp_guest_with_debug_swap_has_dr7_to_itself(bare: Boot) -> None:
    """semantics.md 1.9.10: SEV_STATUS has bit 7, and no access of DR7 is intercepted."""
    run = bare("snp", "reflect_snp", "case_dr7", Setup(properties=("debug-swap=on",)))
    assert (run.value("status"), run.value("dr7"), run.value("exceptions")) == (0x87, 0x401, 0)


def test_snp_guest_without_debug_swap_has_its_host_write_dr7(bare: Boot) -> None:
    run = bare("snp", "reflect_snp", "case_dr7")
    assert run.value("status") == 7
    raised = [(e["vector"], e["error"], e["rip"]) for e in run.said("exception")]
    assert raised == [(VC, 0x37, run.at("at_write_dr7")), (VC, 0x27, run.at("at_read_dr7"))]
    answered = bare("snp", "reflect_snp", "case_dr7_by_host")
    assert (answered.value("write"), answered.value("read")) == (0, 0)


def test_snp_executes_the_others_itself(bare: Boot) -> None:
    run = bare("snp", "reflect_snp", "case_native")
    assert run.value("exceptions") == 0
    assert (run.value("status"), run.value("status-after")) == (7, 7)
    assert run.value("efer") & 0x500 == 0x500, "long mode"
    assert run.value("aux") == 0x77
    assert run.value("ghcb") == 1


def test_snp_host_answers_cpuid_as_for_an_snp_guest(bare: Boot) -> None:
    run = bare("snp", "reflect_snp", "case_cpuid_by_host")
    [sev] = run.said("sev")
    assert sev["status"] == 0
    assert sev["eax"] & 0x1A == 0x1A, "SEV, SEV-ES, SEV-SNP"
    assert sev["ebx"] & 0x3F == 51, "position of the C-bit"
    assert run.value("by-msr") == sev["ebx"] << 32 | 1 << 30 | 0x005


def test_snp_host_answers_msrs(bare: Boot) -> None:
    run = bare("snp", "reflect_snp", "case_msr_by_host")
    assert run.said("read") == [{"status": 0, "base": 0xFEE00000}]
    assert run.value("write") == 0


def test_snp_host_takes_string_io_from_the_shared_buffer(bare: Boot) -> None:
    run = bare("snp", "reflect_snp", "case_string_io")
    assert "from the shared buffer" in run.lines


def test_snp_guest_is_not_told_of_hlt(bare: Boot) -> None:
    run = bare("snp", "vcpus", "case_halt", Setup(cpus=2))
    assert (run.value("started"), run.value("exceptions")) == (1, 0)


@pytest.mark.parametrize(
    ("name", "reason", "qualification", "length"), TDX_REASONS, ids=[row[0] for row in TDX_REASONS]
)
def test_tdx_reflects(bare: Boot, name: str, reason: int, qualification: int, length: int) -> None:
    run = bare("tdx", "reflect_tdx", "case_reflected")
    exceptions = run.said("exception")
    [number] = [i for i, e in enumerate(exceptions) if e["rip"] == run.at(f"at_{name}")]
    assert exceptions[number]["vector"] == VE
    told = run.said("ve")[number]
    assert (told["reason"], told["length"]) == (reason, length)
    assert told["qualification"] == qualification


def test_tdx_executes_the_others_itself(bare: Boot) -> None:
    run = bare("tdx", "reflect_tdx", "case_native")
    assert run.value("exceptions") == 0
    assert run.value("signature") == int.from_bytes(b"Inte", "little")
    assert run.value("last-leaf") >= 0x21
    assert run.value("efer") & 0x500 == 0x500
    assert run.value("aux") == 0x77


def test_tdx_host_answers_vmcalls(bare: Boot) -> None:
    run = bare("tdx", "reflect_tdx", "case_by_host")
    assert (run.value("cpuid"), run.value("rdmsr")) == (0, 0)
    assert run.value("apic-id") == 0


def test_td_enumerates_the_topology_itself_once_it_asked_for_it(bare: Boot) -> None:
    """TD_CTLS.ENUM_TOPOLOGY (semantics.md 2.9.2)."""
    run = bare("tdx", "reflect_tdx", "case_topology")
    assert (run.value("before"), run.value("write"), run.value("after")) == (1, 0, 1)
    assert run.value("apic-id") == 0
    assert run.value("write-exceptions") == 2


def test_ve_before_the_last_one_was_fetched_is_a_double_fault(bare: Boot) -> None:
    run = bare("tdx", "reflect_tdx", "case_nested")
    first = run.said("exception")[0]
    assert (first["vector"], first["error"]) == (DF, 0)


def test_ve_information_is_given_once(bare: Boot) -> None:
    run = bare("tdx", "reflect_tdx", "case_nothing_to_tell")
    assert (run.value("none"), run.value("after")) == (0xC000070400000000,) * 2


GP = 13
INVALID_OPERAND = 1 << 63
"""TDVMCALL's status (GHCI 3.1)."""


def test_td_has_no_other_apic_registers(bare: Boot) -> None:
    """SDM Vol 3A table 11-6: those that are reserved, or not for reading, or not for writing."""
    run = bare("tdx", "reflect_tdx", "case_no_such_apic_register")
    assert run.values("read") == [INVALID_OPERAND] * 8
    assert run.values("write") == [INVALID_OPERAND] * 6
    assert (run.value("version"), run.value("task-priority")) == (0, 0)
    raised = [(line["vector"], line["error"], line["rip"]) for line in run.said("exception")]
    assert raised == [(GP, 0, run.at("at_rdmsr")), (GP, 0, run.at("at_wrmsr"))]


def test_td_goes_on_with_ve_after_a_write_that_its_host_refused(bare: Boot) -> None:
    run = bare("tdx", "reflect_tdx", "case_refused_write")
    assert (run.value("refused"), run.value("taken")) == (INVALID_OPERAND, 0)
    [raised] = run.said("exception")
    assert (raised["vector"], raised["rip"]) == (VE, run.at("at_rdmsr"))


def test_snp_host_answers_a_refused_msr_by_gp(bare: Boot) -> None:
    """GHCB specification 4.1: SW_EXITINFO1 is 1, SW_EXITINFO2 the exception as in EVENTINJ."""
    run = bare("snp", "reflect_snp", "case_refused_msr")
    inject = 1 << 31 | 1 << 11 | 3 << 8 | GP
    assert run.value("refused") == run.value("read") == 1 << 32 | inject
    assert run.value("taken") == 0
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"], raised["rip"]) == (VC, 0x7C, run.at("at_rdmsr"))
