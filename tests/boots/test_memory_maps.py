# SPDX-License-Identifier: GPL-2.0-only
"""Memory maps as firmware may leave them: holes, ranges smaller than a unit, ends that are not aligned to one."""

from __future__ import annotations

import pytest

from tests.boots.conftest import BootGuest

pytestmark = pytest.mark.long
UNIT = 2 << 20
HOLES = ["0x50000000-0x50123000", "0x140000000-0x14ffff000"]
ACCEPTED = [
    "0x60001000-0x60002000",  # one page within a unit
    "0x60200000-0x605ff000",  # a unit and most of the next
    "0x130001000-0x13ffff000",  # no end aligned, and less than a unit beside the hole
]


def ranges(texts: list[str]) -> list[tuple[int, int]]:
    """Return (start, size) of each."""
    bounds = [tuple(int(bound, 0) for bound in text.split("-")) for text in texts]
    return [(start, end - start) for start, end in bounds]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_awkward_shapes_are_accepted_once_each(boot: BootGuest, platform: str) -> None:
    words = f"--platform {platform} --memory 5G --firmware-accepts minimal+3 --workload touch:all"
    shapes = [f"--hole={text}" for text in HOLES] + [f"--accepted={text}" for text in ACCEPTED]
    run = boot("debian:6.12", *words.split(), *shapes)
    assert run.run["outcome"] == "userspace", run.output
    assert run.verdict["verdict"] == "clean", run.verdict["findings"]
    handoff = run.run["handoff"]
    for start, size in ranges(HOLES):
        inside = [ram for ram in handoff["ram"] if ram[0] < start + size and start < sum(ram)]
        assert inside == [], "the hole is RAM"
    for start, size in ranges(ACCEPTED):
        around = [a for a in handoff["accepted"] if a[0] <= start and start + size <= sum(a)]
        assert around, "firmware, or the stub that rounds to units, has not accepted it"
