# SPDX-License-Identifier: GPL-2.0-only
"""PVALIDATE as a guest sees it: EAX, CF, faults, page sizes (semantics.md 1.2)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE, UNIT, WINDOW
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

BACKED_4K = Setup(properties=("host-backing=4K",))
UD, GP, PF, VC = 6, 13, 14, 29


def result(run: BareRun, name: str) -> tuple[int, int]:
    """Return what the guest read in EAX and CF."""
    [said] = run.said(name)
    return said["eax"], said["cf"]


def accepts(run: BareRun) -> list[tuple[int, int, int, int]]:
    """Return (gpa, size, EAX, CF) of the accept events."""
    return [(event.gpa, event.size, event.result, event.carry) for event in run.of("accept")]


def test_accepting_twice_sets_carry(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_twice")
    assert result(run, "first") == (0, 0)
    assert result(run, "second") == (0, 1)
    assert result(run, "unit") == (0, 0)
    assert result(run, "unit-again") == (0, 1)
    assert accepts(run) == [
        (FRESH, PAGE, 0, 0),
        (FRESH, PAGE, 0, 1),
        (FRESH + UNIT, UNIT, 0, 0),
        (FRESH + UNIT, UNIT, 0, 1),
    ]
    assert run.of("accept")[1].rip == run.at("at_pvalidate_from_clear")


def test_rescinding_what_is_not_accepted_sets_carry(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_rescind_twice")
    assert result(run, "first") == (0, 0)
    assert result(run, "second") == (0, 1)
    assert result(run, "never") == (0, 1)
    rescinds = [event for event in run.of("rescind") if event.gpa >= FRESH]
    assert [(event.gpa, event.carry) for event in rescinds] == [
        (FRESH, 0),
        (FRESH, 1),
        (FRESH + PAGE, 1),
    ]


def test_only_bit_0_of_edx_counts(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_upper_edx")
    assert result(run, "accept") == (0, 0)
    assert result(run, "rescind") == (0, 0)
    assert len(run.of("accept")) == 1


def test_unit_on_a_host_of_pages_fails_with_size_mismatch(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_unit_of_pages", BACKED_4K)
    assert result(run, "unit") == (6, 0)
    assert result(run, "page") == (0, 0)
    assert run.value("read") == 0
    assert accepts(run) == [(FRESH, UNIT, 6, 0), (FRESH, PAGE, 0, 0)]


def test_page_of_a_unit_makes_the_host_split_it(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_page_of_unit")
    assert result(run, "page") == (0, 0)
    split = [event for event in run.of("split") if event.gpa == FRESH]
    assert [(event.size, event.rip) for event in split] == [(UNIT, run.at("at_pvalidate"))]
    assert run.value("accepted") == 0
    assert [fault.gpa for fault in run.of("fault")] == [FRESH + 4 * PAGE, FRESH + 6 * PAGE]
    assert result(run, "unit") == (6, 0)


def test_rescinding_a_page_of_a_unit_leaves_the_others(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_rescind_page_of_unit")
    assert result(run, "page") == (0, 0)
    assert run.value("before") == 0
    assert run.only("fault").gpa == FRESH + PAGE


@pytest.mark.parametrize("operand", ["size", "misaligned"])
def test_bad_operand_is_answered_in_eax(bare: Boot, operand: str) -> None:
    run = bare("snp", "accept_snp", "case_operands")
    assert result(run, operand) == (1, 0)
    assert run.said("exception") == []


def test_address_inside_a_page_means_the_page(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_inside_page")
    assert result(run, "inside") == (0, 0)
    assert accepts(run) == [(FRESH, PAGE, 0, 0)]


def test_cpl3_may_do_neither(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_cpl3")
    raised = [(e["vector"], e["error"], e["rip"], e["cs"]) for e in run.said("exception")]
    assert raised == [
        (GP, 0, run.at("at_user_pvalidate"), 0x2B),
        (GP, 0, run.at("at_user_rmpadjust"), 0x2B),
    ]
    assert run.of("accept") == []
    assert run.of("rmpadjust") == []


@pytest.mark.parametrize(
    ("case", "vector", "cr2"), [("unmapped", PF, WINDOW), ("noncanonical", GP, 0)]
)
def test_address_that_does_not_translate_faults(
    bare: Boot, case: str, vector: int, cr2: int
) -> None:
    run = bare("snp", "accept_snp", f"case_{case}")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"]) == (vector, 0)
    assert (raised["rip"], raised["cr2"]) == (run.at("at_pvalidate"), cr2)
    assert run.of("accept") == []


def test_tdcall_is_no_instruction_here(bare: Boot) -> None:
    run = bare("snp", "accept_snp", "case_foreign")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["rip"]) == (UD, run.at("at_tdcall"))


@pytest.mark.parametrize("assign", ["demand", "advance"])
def test_when_the_host_assigns(bare: Boot, assign: str) -> None:
    setup = Setup(properties=(f"host-assign={assign}",))
    run = bare("snp", "accept_snp", "case_twice", setup)
    assert result(run, "unit") == (0, 0)
    first, *others = run.of("assign")
    if assign == "demand":
        assert (first.gpa, first.size, first.rip) == (FRESH, UNIT, run.at("at_pvalidate"))
    else:
        assert (first.gpa, first.rip) == (FRESH, 0)
        assert all(event.rip == 0 for event in others)
