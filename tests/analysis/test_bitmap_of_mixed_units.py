# SPDX-License-Identifier: GPL-2.0-only
"""I4: units that are accepted in part, or that are RAM in part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.trace.schema import (
    PAGE_SIZE,
    PAGES_PER_UNIT,
    UNIT_SIZE,
    ConvertTo,
    Kind,
    Stage,
)
from tests.analysis.synthetic import MIB, Guest, Layout

EARLY = "the bitmap says accepted, but pages of the unit are not"
LATE = "the bitmap says unaccepted, but the unit is accepted"
UNIT = 40 * MIB // UNIT_SIZE
LONG = 1 << 30
"""Clocks after which an accept is no longer in progress."""


def judged(guest: Guest, folder: Path) -> list[str]:
    """The titles of I4's findings."""
    guest.clock += LONG
    guest.end()
    verdict = replay_run(guest.write(folder / "run"))
    return [one.title for one in verdict.findings if one.invariant == "I4"]


def accepted(pages: int, *, bit: bool) -> Guest:
    """A guest of which the first `pages` pages of one unit are accepted."""
    guest = Guest(backing="4K")
    guest.boot()
    unit = guest.layout.low + UNIT * UNIT_SIZE
    for page in range(unit, unit + pages * PAGE_SIZE, PAGE_SIZE):
        guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.PRIVATE)
        guest.event(Kind.ASSIGN, page, PAGE_SIZE)
        guest.accept_block(page, PAGE_SIZE)
    guest.bits[UNIT] = bit
    return guest


@pytest.mark.parametrize(
    ("pages", "bit", "titles"),
    [
        (0, True, []),
        (0, False, [EARLY]),
        (1, False, [EARLY]),
        (PAGES_PER_UNIT - 1, False, [EARLY]),
        (PAGES_PER_UNIT, False, []),
        (1, True, []),
        (PAGES_PER_UNIT - 1, True, []),
        (PAGES_PER_UNIT, True, [LATE]),
    ],
)
def test_a_bit_may_be_clear_when_every_page_is_accepted_and_set_until_then(
    pages: int, bit: bool, titles: list[str], tmp_path: Path
) -> None:
    assert judged(accepted(pages, bit=bit), tmp_path) == titles


def test_a_unit_of_which_a_page_is_shared_again_is_no_accepted_one(tmp_path: Path) -> None:
    """Its bit is set: that the kernel would accept it a second time is not certain."""
    guest = accepted(PAGES_PER_UNIT, bit=True)
    guest.share(guest.layout.low + UNIT * UNIT_SIZE, PAGE_SIZE)
    assert judged(guest, tmp_path) == []


@dataclass(frozen=True)
class WithHole(Layout):
    """Half a unit, the first half of UNIT, is no RAM."""

    @property
    def hole(self) -> int:
        return self.low + UNIT * UNIT_SIZE

    @property
    def ram(self) -> list[tuple[int, int]]:
        behind = self.hole + MIB
        return [(0, 0xA0000), (MIB, self.hole - MIB), (behind, self.top - behind)]

    @property
    def unaccepted(self) -> list[tuple[int, int]]:
        behind = self.hole + MIB
        return [(self.low, self.hole - self.low), (behind, self.top - behind)]


@pytest.mark.parametrize(("pages", "titles"), [(0, [EARLY]), (255, [EARLY]), (256, [])])
def test_of_a_unit_with_a_memory_hole_only_the_ram_counts(
    pages: int, titles: list[str], tmp_path: Path
) -> None:
    """The bit of such a unit was never set: the EFI stub accepts what does not fill a unit."""
    layout = WithHole()
    guest = Guest(backing="4K", layout=layout)
    guest.stage(Stage.DECOMPRESSOR)
    guest.bits[UNIT] = False
    start = layout.hole + MIB
    for page in range(start, start + pages * PAGE_SIZE, PAGE_SIZE):
        guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.PRIVATE)
        guest.event(Kind.ASSIGN, page, PAGE_SIZE)
        guest.accept_block(page, PAGE_SIZE)
    guest.stage(Stage.KERNEL)
    guest.stage(Stage.USERSPACE)
    guest.clock += LONG
    guest.end()
    size = sum(size for _, size in layout.ram) + MIB - 0xA0000  # with the legacy hole
    machine = replace(guest.info().machine, memory=size)
    written = guest.write(tmp_path / "run", machine=machine)
    verdict = replay_run(written)
    mine = {one.title for one in verdict.findings if one.invariant == "I4"}
    assert (mine, verdict.reasons) == (set(titles), [])
