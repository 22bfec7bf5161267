# SPDX-License-Identifier: GPL-2.0-only
"""I1: accesses of pages that are not accepted, of shared pages, and of what is no RAM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind, StopReason
from tests.analysis.invariants.guests import (
    SPARE,
    after_boot,
    at,
    finished,
    released,
    replay,
    titles,
)
from tests.analysis.synthetic import MIB


def test_private_access_to_a_shared_page(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.event(Kind.STOP, page, 1, result=StopReason.NOT_ASSIGNED, detail=0x100)
    found = titles(finished(guest), tmp_path)
    assert found == ["private access to a shared page: the C-bit is wrong"]


@pytest.mark.parametrize(("platform", "bit"), [("snp", "C-bit"), ("tdx", "shared bit")])
def test_shared_access_to_a_private_page(platform: str, bit: str, tmp_path: Path) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.event(Kind.STOP, page, 1, result=StopReason.SHARED_ACCESS, detail=0x001)
    found = titles(finished(guest), tmp_path)
    assert found == [f"shared access to a private page: the {bit} is wrong"]


def test_a_released_page_is_accepted_again(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    guest.accept_block(released(guest, -12 * MIB), PAGE_SIZE)
    assert titles(finished(guest), tmp_path) == []


def test_access_to_a_released_page(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = released(guest, -12 * MIB)
    guest.event(Kind.STOP, page + 8, 1, result=StopReason.PENDING, detail=0x100)
    assert titles(finished(guest), tmp_path) == ["accessed a page after rescinding or releasing it"]


def test_ciphertext_read(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.CIPHERTEXT, at(guest, -12 * MIB), 1)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a private page: the C-bit is wrong"]


@pytest.mark.parametrize(
    ("before", "title"),
    [
        (0, "accessed a page it never accepted"),
        (1, "read past the end of accepted memory"),
        (7, "read past the end of accepted memory"),
    ],
)
def test_read_past_the_end_of_accepted_memory(before: int, title: str, tmp_path: Path) -> None:
    """At the first byte of a page: only what began in the page before ran past an end."""
    guest = after_boot()
    guest.event(Kind.FAULT, at(guest, 26 * MIB), 1, detail=0x100 | before << 16)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.title == title
    assert (f"{before} byte" in finding.explanation) == bool(before)


def test_a_read_across_two_unaccepted_pages_ran_past_no_end(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.FAULT, at(guest, SPARE) + PAGE_SIZE, 1, detail=0x100 | 3 << 16)
    assert titles(finished(guest), tmp_path) == ["accessed a page it never accepted"]


def test_a_fault_that_is_answered_by_an_accept_is_no_finding(tmp_path: Path) -> None:
    guest = after_boot()
    page = at(guest, SPARE)
    guest.event(Kind.FAULT, page + 0x128, 1, detail=0x404 << 32 | 0x101)
    guest.accept_block(page, UNIT_SIZE)
    verdict = replay(finished(guest), tmp_path)
    assert [one for one in verdict.findings if one.invariant == "I1"] == []
    [told] = [one.explanation for one in verdict.invariants if one.name == "I1"]
    assert told.startswith("1 accesses of unaccepted pages faulted")


def test_a_fault_of_a_rescinded_page_is_a_finding_though_an_accept_follows(
    tmp_path: Path,
) -> None:
    guest = after_boot()
    page = at(guest, -12 * MIB)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101)
    guest.accept_block(page, PAGE_SIZE)
    assert titles(finished(guest), tmp_path) == ["accessed a page after rescinding or releasing it"]


@pytest.mark.parametrize("before", [0, 3])
def test_a_write_to_the_first_page_behind_accepted_memory_is_no_overrun(
    before: int, tmp_path: Path
) -> None:
    guest = after_boot()
    guest.event(Kind.FAULT, at(guest, 26 * MIB), 1, detail=0x101 | before << 16)
    assert titles(finished(guest), tmp_path) == ["accessed a page it never accepted"]


def test_dma_into_private_memory(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.DMA_REFUSED, at(guest, -12 * MIB), PAGE_SIZE, detail=1)
    assert titles(finished(guest), tmp_path) == ["device DMA to private memory"]


@pytest.mark.parametrize("gpa", [0xC0000, 1 << 40])
def test_accept_of_what_is_no_ram(gpa: int, tmp_path: Path) -> None:
    guest = after_boot()
    reason = StopReason.NOT_RAM
    guest.event(Kind.STOP, gpa, 1, result=reason, detail=0x104)
    assert titles(finished(guest), tmp_path) == ["accepted an address that is not RAM"]


@pytest.mark.parametrize("gpa", [0xC0000, 1 << 40])
def test_successful_accept_of_what_is_no_ram(gpa: int, tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.ACCEPT, gpa, PAGE_SIZE, carry=0)
    guest.ram[gpa // PAGE_SIZE : gpa // PAGE_SIZE + 1] = True  # in the snapshots only
    guest._set(gpa, PAGE_SIZE, 2)
    assert "accepted an address that is not RAM" in titles(finished(guest), tmp_path)


def test_a_guest_that_got_no_bitmap(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.STOP, at(guest, SPARE), 1, result=StopReason.NOT_ASSIGNED, detail=0x101)
    finished(guest)
    guest.files = {name: data for name, data in guest.files.items() if "pages" in name}
    handoff = replace(guest.info().handoff, bitmap=None)
    found = titles(guest, tmp_path, handoff=handoff)
    assert found == ["accessed a page it never accepted: the guest got no bitmap"]


def test_a_page_that_the_host_removed_without_an_attack(tmp_path: Path) -> None:
    """The trace contradicts itself: it shows that the access was refused, and not why."""
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    guest.event(Kind.STOP, page, 1, result=StopReason.BLOCKED, detail=0x101)
    assert titles(finished(guest), tmp_path) == ["accessed a page that is not accepted"]


def test_reflected_mmio_is_no_finding(tmp_path: Path) -> None:
    guest = after_boot()
    guest.event(Kind.FAULT, 0xFEE00000, 1, detail=0x001)
    assert titles(finished(guest), tmp_path) == []
