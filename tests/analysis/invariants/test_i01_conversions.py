# SPDX-License-Identifier: GPL-2.0-only
"""I1: accesses of pages while or after a vCPU converts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import CONVERT_IMPLICIT, PAGE_SIZE, ConvertTo, Kind, StopReason
from tests.analysis.invariants.guests import after_boot, at, converts, finished, replay, titles
from tests.analysis.synthetic import MIB


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_access_after_a_conversion_without_accept(platform: str, tmp_path: Path) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 1)
    guest.event(Kind.FAULT, page + 8, 1, detail=0x101)
    found = titles(finished(guest), tmp_path)
    assert found == ["accessed a page after converting it to private without accepting it"]


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.FAULT])
def test_shared_access_to_a_page_that_another_vcpu_converts(kind: Kind, tmp_path: Path) -> None:
    """Linux converts to private first and changes the mapping afterwards (semantics.md 2.10.4)."""
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.unshare(page, PAGE_SIZE)
    result = StopReason.SHARED_ACCESS if kind == Kind.STOP else 0
    guest.event(kind, page, 1, result=result, detail=0x000, vcpu=1)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a page that another vCPU made private"]


def test_shared_access_to_a_page_that_the_same_vcpu_made_private(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.unshare(page, PAGE_SIZE)
    guest.event(Kind.FAULT, page, 1, detail=0x000)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a private page: the shared bit is wrong"]


IMPLICIT = ConvertTo.SHARED | CONVERT_IMPLICIT


def test_implicit_conversion_is_a_shared_access_to_a_private_page(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=IMPLICIT)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a private page, which the host made shared"]


@pytest.mark.parametrize("implicit", [True, False])
def test_shared_access_before_the_conversion_to_shared_is_harmless(
    implicit: bool, tmp_path: Path
) -> None:
    """Linux changes the mapping first, and then request for the conversion (semantics.md 2.10.4)."""
    for vcpu, expected in ((1, []), (0, ["shared access to a private page"])):
        guest = after_boot(platform="tdx")
        page = at(guest, -12 * MIB)
        if implicit:
            guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=IMPLICIT, vcpu=vcpu)
            guest.event(Kind.REMOVE, page, PAGE_SIZE, vcpu=vcpu)
        else:
            guest.event(Kind.FAULT, page, 1, detail=0x000, vcpu=vcpu)
        guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.SHARED)
        if not implicit:
            guest.event(Kind.REMOVE, page, PAGE_SIZE)
        guest._set(page, PAGE_SIZE, 0)
        found = titles(finished(guest), tmp_path / str(vcpu))
        assert [title[:31] for title in found] == expected


CONVERTS = "accessed a page while another vCPU converts it"


@pytest.mark.parametrize(
    ("user", "ended_by", "title"),
    [
        (0, 1, CONVERTS),
        (1, 1, "accessed a page after converting it to private without accepting it"),
        (0, 0, "accessed a page after converting it to private without accepting it"),
    ],
)
def test_access_while_another_vcpu_makes_the_page_private(
    user: int, ended_by: int, title: str, tmp_path: Path
) -> None:
    guest = after_boot()
    page = at(guest, -8 * MIB)
    guest.share(page, PAGE_SIZE)
    converts(guest, page, ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE, vcpu=1)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101, vcpu=user)
    guest.accept_block(page, PAGE_SIZE, vcpu=ended_by)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.title == title
    if title == CONVERTS:
        assert "vCPU 1 was making the page private (event " in finding.explanation
        assert "when vCPU 0 used it" in finding.explanation


@pytest.mark.parametrize(
    ("user", "title"), [(0, CONVERTS), (1, "accessed a page after rescinding or releasing it")]
)
def test_access_while_another_vcpu_makes_the_page_shared(
    user: int, title: str, tmp_path: Path
) -> None:
    guest = after_boot()
    page = at(guest, -8 * MIB)
    guest.event(Kind.RESCIND, page, PAGE_SIZE, carry=0, vcpu=1)
    guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x101, vcpu=user)
    converts(guest, page, ConvertTo.SHARED)
    guest.event(Kind.REMOVE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 0)
    assert titles(finished(guest), tmp_path) == [title]


@pytest.mark.parametrize(("later", "title"), [(0, CONVERTS), (1 << 30, "accessed a page after converting it to private without accepting it")])  # fmt: skip
def test_the_conversion_during_which_a_guest_died(later: int, title: str, tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = at(guest, -8 * MIB)
    guest.share(page, PAGE_SIZE)
    converts(guest, page, ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE, vcpu=1)
    guest.clock += later
    guest.event(Kind.STOP, page, 1, detail=0x101, result=StopReason.PENDING, vcpu=0)
    guest._set(page, PAGE_SIZE, 1)
    guest.end()
    told = replay(guest, tmp_path, outcome="stopped").findings
    assert [one.title for one in told if one.invariant == "I1"] == [title]
