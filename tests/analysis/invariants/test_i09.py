# SPDX-License-Identifier: GPL-2.0-only
"""I9: what firmware left for the kernel lies in accepted memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from acceptlab.analysis.run.run_info import Blob
from acceptlab.analysis.trace.schema import PAGE_SIZE
from tests.analysis.invariants.guests import at, titles
from tests.analysis.synthetic import MIB, booted


def test_firmware_data_marked_unaccepted(tmp_path: Path) -> None:
    guest = booted()
    handoff = guest.info().handoff
    blob = Blob("efi", at(guest, 60 * MIB), PAGE_SIZE)
    found = titles(guest, tmp_path, handoff=replace(handoff, blobs=(blob,)))
    assert found[0] == "efi lies in memory that is not accepted"
    assert "the bitmap marks the memory of efi as unaccepted" in found
