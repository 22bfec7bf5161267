# SPDX-License-Identifier: GPL-2.0-only
"""A host that converts a page at an access of the other kind (semantics.md 2.10): whose fault that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import (
    CONVERT_IMPLICIT,
    PAGE_SIZE,
    Access,
    ConvertTo,
    Kind,
    StopReason,
)
from tests.analysis.invariants.guests import after_boot, at, finished, titles
from tests.analysis.synthetic import MIB, Guest

TO_SHARED = ConvertTo.SHARED | CONVERT_IMPLICIT
TO_PRIVATE = ConvertTo.PRIVATE | CONVERT_IMPLICIT
PLATFORMS = pytest.mark.parametrize("platform", ["snp", "tdx"])
LOST = "shared access to a private page, which the host made shared"


def lose(guest: Guest, page: int, vcpu: int = 0) -> None:
    """A shared access of a vCPU at which the host makes the page shared."""
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=TO_SHARED, vcpu=vcpu)
    guest.event(Kind.REMOVE, page, PAGE_SIZE, vcpu=vcpu)
    guest._set(page, PAGE_SIZE, 0)


def take(guest: Guest, page: int) -> None:
    """A private access at which the host makes the page private."""
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=TO_PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 1)


@PLATFORMS
def test_the_guest_is_not_blamed_for_a_conversion_that_it_did_not_request(
    platform: str, tmp_path: Path
) -> None:
    """On SNP a conversion without a rescind before is one of I3; this one was the host's."""
    guest = after_boot(platform=platform)
    lose(guest, at(guest, -12 * MIB))
    assert titles(finished(guest), tmp_path) == [LOST]


@PLATFORMS
def test_a_private_access_to_what_was_lost_names_the_shared_one(
    platform: str, tmp_path: Path
) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    lose(guest, page)
    take(guest, page)
    reason = StopReason.PENDING if platform == "tdx" else StopReason.NO_PROGRESS
    if platform == "tdx":
        guest.event(Kind.STOP, page, 1, result=reason, detail=0x100)
    else:
        guest.event(Kind.FAULT, page, 1, detail=0x404 << 32 | 0x100)
    found = titles(finished(guest), tmp_path)
    assert sorted(found) == [
        "accessed a page that the host had made shared at a shared access",
        LOST,
    ]


@PLATFORMS
def test_an_accept_of_a_shared_page_is_still_in_the_wrong_order(
    platform: str, tmp_path: Path
) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    take(guest, page)
    guest.accept_block(page, PAGE_SIZE)
    found = titles(finished(guest), tmp_path)
    assert found == ["accepted a shared page, which the host made private"]


@PLATFORMS
def test_an_accept_after_another_vcpu_s_access_undid_the_conversion_is_right(
    platform: str, tmp_path: Path
) -> None:
    """The guest had requested the conversion; the shared access of the other vCPU is what is wrong."""
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.unshare(page, PAGE_SIZE)
    lose(guest, page, vcpu=1)
    take(guest, page)
    guest.accept_block(page, PAGE_SIZE)
    found = titles(finished(guest), tmp_path)
    assert found == ["shared access to a page that another vCPU made private"]


def test_an_access_that_the_host_answered_is_none_of_i3(tmp_path: Path) -> None:
    """The page was pending then, and the access ended the guest: one finding, of I1."""
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    take(guest, page)
    guest.event(Kind.STOP, page, 1, result=StopReason.PENDING, detail=0x100 | Access.WRITE)
    found = titles(finished(guest), tmp_path)
    assert found == ["private access to a shared page: the shared bit is wrong"]
