# SPDX-License-Identifier: GPL-2.0-only
"""I3: the order of assignment, accept, rescind and conversion."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind, StopReason
from tests.analysis.invariants.guests import after_boot, at, finished, replay, titles
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
