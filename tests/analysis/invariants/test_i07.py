# SPDX-License-Identifier: GPL-2.0-only
"""I7: accepts, rescinds and releases that the hardware refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, ConvertTo, Kind
from tests.analysis.invariants.guests import (
    after_boot,
    at,
    converts,
    finished,
    released,
    replay,
    titles,
)
from tests.analysis.synthetic import MIB, SNP_SIZE_MISMATCH, TDX_ALREADY


def test_a_refused_release_changes_no_state(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.event(Kind.RELEASE, page, PAGE_SIZE, result=0xC0000B0B00000001)
    assert titles(finished(guest), tmp_path / "mismatch") == []
    guest = after_boot(platform="tdx")
    page = released(guest, -12 * MIB)
    guest.event(Kind.RELEASE, page, PAGE_SIZE, result=0xC0000B0D00000001)
    found = titles(finished(guest), tmp_path / "twice")
    assert found == ["released a page that was not accepted"]


def test_a_second_rescind_names_both_vcpus(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, -8 * MIB)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0, vcpu=1)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=1, vcpu=0)
    converts(guest, page, ConvertTo.SHARED)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.title == "rescinded a page that was not accepted"
    assert "vCPU 1 had rescinded it in stage userspace (event " in finding.explanation
    assert finding.explanation.endswith("vCPU 0 rescinded it now.")
    assert finding.evidence["other_vcpu"] == 1


def test_a_refused_second_accept(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    guest.event(Kind.ACCEPT, at(guest, 16 * MIB), UNIT_SIZE, result=TDX_ALREADY | 1)
    assert titles(finished(guest), tmp_path) == ["accepted a page that was already accepted"]


def test_repeated_size_mismatch(tmp_path: Path) -> None:
    guest = after_boot()
    unit = at(guest, 40 * MIB)
    for _ in range(2):
        guest.event(Kind.ACCEPT, unit, UNIT_SIZE, result=SNP_SIZE_MISMATCH, carry=0)
    found = titles(finished(guest), tmp_path)
    assert found == ["tried the same unit at 2M again after a size mismatch"]


def test_a_second_accept_names_both_vcpus(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, 22 * MIB)  # accepted by vCPU 1 as the kernel booted
    guest.event(Kind.ACCEPT, page, UNIT_SIZE, result=TDX_ALREADY | 1, vcpu=0)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert "vCPU 1 had accepted it in stage kernel (event " in finding.explanation
    assert finding.explanation.endswith("vCPU 0 accepted it again.")


STORM = "tried the same unit at 2M again after a size mismatch"


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ("m", []),
        ("m|m", [STORM]),
        ("mm", [STORM]),
        ("mom", [STORM]),  # an accept of another unit is no answer
        ("mpm", []),
        ("mp|m", []),
        ("m|p|m", []),
        ("mn", []),
        ("m|n", []),
        ("mnp", []),
        ("mpmp", []),
        ("m|pmm", [STORM]),
        ("mmp", [STORM]),
        ("ppmpm", []),
        ("mo|m", [STORM]),
        ("mma", [STORM]),
        ("mama", []),
    ],
)
def test_size_mismatches_are_a_storm_until_a_page_of_the_unit_is_accepted(
    acts: str, expected: list[str], tmp_path: Path
) -> None:
    """m, n: a mismatch on one unit and on the next; p, a: a page of the one accepted, a: at once; o: a unit elsewhere; |: a step ends."""
    guest = after_boot()
    unit, page = at(guest, 52 * MIB), at(guest, 52 * MIB)
    guest.event(Kind.CONVERT, unit, UNIT_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, unit, UNIT_SIZE)
    guest._set(unit, UNIT_SIZE, 1)
    for act in acts:
        if act in "mn":
            start = unit + "mn".index(act) * UNIT_SIZE
            guest.event(Kind.ACCEPT, start, UNIT_SIZE, result=SNP_SIZE_MISMATCH, carry=0)
        elif act in "pa":
            if act == "p":
                guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.PRIVATE)
                guest.event(Kind.ASSIGN, page, PAGE_SIZE)
            guest.accept_block(page, PAGE_SIZE)
            page += PAGE_SIZE
        elif act == "o":
            guest.accept_unit(at(guest, 56 * MIB))
            guest.bits[56 * MIB // UNIT_SIZE] = False
        else:
            guest.snapshot("step")
    found = replay(finished(guest), tmp_path)
    assert [one.title for one in found.findings if one.invariant == "I7"] == expected
