# SPDX-License-Identifier: GPL-2.0-only
"""I3: the order of assignment, accept, rescind and conversion."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import NO_CARRY, PAGE_SIZE, UNIT_SIZE, Kind, StopReason
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


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_accept_of_a_shared_page(platform: str, tmp_path: Path) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, -12 * MIB)
    guest.share(page, PAGE_SIZE)
    guest.event(Kind.STOP, page, 1, result=StopReason.NOT_ASSIGNED, detail=0x104)
    (finding,) = replay(finished(guest), tmp_path).findings
    assert finding.invariant == "I3"
    assert finding.title == "accepted a page that is shared with the host"


@pytest.mark.parametrize(("offset", "shared"), [(-12 * MIB, False), (-12 * MIB, True)])
def test_ghcb_that_the_host_cannot_use(offset: int, shared: bool, tmp_path: Path) -> None:
    guest = after_boot()
    if shared:
        guest.share(at(guest, offset), PAGE_SIZE)
    guest.event(Kind.STOP, at(guest, offset), 1, result=StopReason.HANDLER, detail=0x001)
    found = titles(finished(guest), tmp_path)
    assert found == ([] if shared else ["the GHCB page is not shared with the host"])


def test_accept_of_an_unassigned_page(tmp_path: Path) -> None:
    guest = after_boot()
    guest.accept_block(at(guest, 40 * MIB), UNIT_SIZE)
    guest.bits[40 * MIB // UNIT_SIZE] = False
    assert titles(finished(guest), tmp_path) == ["accepted a page that was not assigned to it"]


@pytest.mark.parametrize(
    ("platform", "kind", "title", "answer"),
    [
        ("snp", Kind.RESCIND, "successfully rescinded a page that was not accepted", "CF=1"),
        ("tdx", Kind.RELEASE, "successfully released a page that was not accepted", "EPT_ENTRY_"),
    ],
)
def test_a_page_that_was_not_accepted_cannot_be_given_back(
    platform: str, kind: Kind, title: str, answer: str, tmp_path: Path
) -> None:
    guest = after_boot(platform=platform)
    page = at(guest, SPARE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE)
    guest.event(kind, page, PAGE_SIZE, carry=0 if platform == "snp" else NO_CARRY)
    guest._set(page, PAGE_SIZE, 1)
    [finding] = replay(finished(guest), tmp_path).findings
    assert (finding.invariant, finding.title) == ("I3", title)
    assert answer in finding.explanation


def test_a_td_may_release_and_accept_again(tmp_path: Path) -> None:
    guest = after_boot(platform="tdx")
    page = released(guest, -12 * MIB)
    guest.accept_block(page, PAGE_SIZE)
    assert titles(finished(guest), tmp_path) == []
