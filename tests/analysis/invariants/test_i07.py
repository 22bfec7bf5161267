# SPDX-License-Identifier: GPL-2.0-only
"""I7: accepts, rescinds and releases that the hardware refuses."""

from __future__ import annotations

from pathlib import Path

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
