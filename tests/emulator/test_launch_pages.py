# SPDX-License-Identifier: GPL-2.0-only
"""The CPUID page and the secrets page of an SNP guest, as launch leaves them."""

from __future__ import annotations

from tests.emulator.bare_handoff import C_BIT, PAGE, PAPERS
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

PAGES = (f"cpuid-page {PAPERS:#x}", f"secrets-page {PAPERS + PAGE:#x}")
USUAL = Setup(handoff=PAGES)
WIDE = Setup(
    handoff=PAGES,
    devices=("-cpu", "max,vendor=AuthenticAMD,xlevel=0x80000021,phys-bits=48,la57=off"),
)
"""A processor with XSAVE, and so with leaf 0xD."""
MOST = 64
"""Entries (Linux, SNP_CPUID_COUNT_MAX)."""
SEV = 0x8000001F
REGISTERS = ("eax", "ebx", "ecx", "edx")
Leaves = dict[tuple[int, int], dict[str, int]]


def entries(run: BareRun, word: str = "entry") -> Leaves:
    """Return what was said about each (leaf, subleaf)."""
    said = {(line["leaf"], line["subleaf"]): line for line in run.said(word)}
    assert len(said) == len(run.said(word)), "an entry twice"
    return said


def test_every_entry_is_counted(bare: Boot) -> None:
    run = bare("snp", "launch_pages", "case_cpuid", USUAL)
    assert run.value("count") == len(entries(run))
    assert 0 < run.value("count") <= MOST


def test_leaves_that_linux_looks_up(bare: Boot) -> None:
    """Linux, snp_cpuid_get_validated_func(): a leaf that has no entry reads as zeros."""
    leaves = set(entries(bare("snp", "launch_pages", "case_cpuid", USUAL)))
    assert {(leaf, 0) for leaf in (0, 1, 4, 7, 0xB, 0x80000000, 0x80000001, 0x80000008)} <= leaves
    assert {(4, 3), (7, 1), (0xB, 1), (0x8000001D, 3), (SEV, 0), (0x80000021, 0)} <= leaves


def test_sev_leaf_tells_snp_and_the_position_of_the_c_bit(bare: Boot) -> None:
    """APM Vol 3 appendix E.4.17"""
    sev = entries(bare("snp", "launch_pages", "case_cpuid", USUAL))[SEV, 0]
    assert sev["eax"] == 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5, "SEV, SEV-ES, SEV-SNP, VMPL"
    assert sev["ebx"] & 0x3F == C_BIT
    assert sev["ebx"] >> 6 & 0x3F == 1, "one bit of the physical address is lost"
    assert sev["ebx"] >> 12 & 0xF == 4, "VMPLs"
    assert sev["ebx"] >> 31 == 1, "no cache line needs to be touched after PVALIDATE"


def test_host_answers_as_the_page_says(bare: Boot) -> None:
    page = entries(bare("snp", "launch_pages", "case_cpuid", USUAL))
    answers = entries(bare("snp", "launch_pages", "case_host", USUAL), "answer")
    wrong = [
        leaf
        for leaf in page
        if [page[leaf][name] for name in REGISTERS] != [answers[leaf][name] for name in REGISTERS]
    ]
    assert wrong == []


def test_leaf_of_the_xsave_area_is_that_of_no_feature(bare: Boot) -> None:
    """The guest adds what it enables to 0x240 bytes, legacy area and header (SDM Vol 1 13.4.1, 13.4.2)."""
    page = entries(bare("snp", "launch_pages", "case_cpuid", WIDE))
    assert (page[0xD, 0]["xcr0"], page[0xD, 0]["ebx"]) == (1, 0x240)
    assert (page[0xD, 1]["xcr0"], page[0xD, 1]["ebx"]) == (0, 0x240)
    features = {subleaf for leaf, subleaf in page if leaf == 0xD and subleaf > 1}
    assert 2 in features, "AVX"
    assert all(page[0xD, feature]["eax"] for feature in features)


def test_page_holds_no_more_than_linux_reads(bare: Boot) -> None:
    assert bare("snp", "launch_pages", "case_cpuid", WIDE).value("count") <= MOST


def test_secrets_page_has_a_version_and_no_keys(bare: Boot) -> None:
    run = bare("snp", "launch_pages", "case_secrets", USUAL)
    assert run.value("version") == 3
    assert run.value("others") == 0


def test_pages_that_nobody_asked_for_are_not_written(bare: Boot) -> None:
    assert bare("snp", "launch_pages", "case_none").value("first") == 0
