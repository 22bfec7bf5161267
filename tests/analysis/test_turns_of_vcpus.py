# SPDX-License-Identifier: GPL-2.0-only
"""I6: a unit may pass from one vCPU to the next once; every unit in which they take turns is one finding, wherever batches end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.trace.schema import PAGE_SIZE, PAGES_PER_UNIT, UNIT_SIZE, ConvertTo, Kind
from tests.analysis.invariants.guests import accept_pages
from tests.analysis.synthetic import MIB, Guest

Turns = tuple[int, ...]
FIRST = 40 * MIB // UNIT_SIZE
"""The first unit above the layout's low end that these guests accept."""


def guest_with(turns: Iterable[Turns], cuts: Iterable[int] = ()) -> Guest:
    """Units side by side, whose pages the vCPUs accept turn by turn, all as long; a snapshot, which ends a batch, before the cuts."""
    guest = Guest(backing="4K", cpus=4)
    guest.boot()
    for number, vcpus in enumerate(turns):
        unit = guest.layout.low + (FIRST + number) * UNIT_SIZE
        turns = [vcpus[page * len(vcpus) // PAGES_PER_UNIT] for page in range(PAGES_PER_UNIT)]
        accept_pages(guest, unit, turns, set(cuts))
    return guest


def interleaved(guest: Guest, folder: Path) -> list[int]:
    """The units of I6's findings, counted from FIRST."""
    guest.work()
    guest.end()
    verdict = replay_run(guest.write(folder / "run"))
    mine = [one for one in verdict.findings if one.invariant == "I6"]
    assert all(one.total == len(mine) for one in mine)
    start = guest.layout.low + FIRST * UNIT_SIZE
    return sorted((int(one.evidence["gpa"], 16) - start) // UNIT_SIZE for one in mine)


INNOCENT: list[Turns] = [(0,), (0, 1), (3, 0)]
GUILTY: list[Turns] = [(0, 1, 0), (0, 1, 2), (1, 0, 1, 0, 1, 0, 1, 0)]


@pytest.mark.parametrize("cuts", [(), (128,), (256,), (300,), (1, 511), (170, 256, 341)])
def test_one_change_of_hands_is_right_and_more_are_one_finding_of_each_unit(
    cuts: tuple[int, ...], tmp_path: Path
) -> None:
    turns = [one for pair in zip(INNOCENT, GUILTY, strict=True) for one in pair]
    assert interleaved(guest_with(turns, cuts), tmp_path) == [1, 3, 5]


@pytest.mark.parametrize("cuts", [(), (256,)])
def test_innocent_vcpus_alone_are_no_finding(cuts: tuple[int, ...], tmp_path: Path) -> None:
    assert interleaved(guest_with(INNOCENT, cuts), tmp_path) == []


def test_a_batch_that_ends_between_the_turns_hides_nothing(tmp_path: Path) -> None:
    """In every batch one vCPU alone accepts pages of the unit."""
    guest = guest_with([(0, 1, 0, 1)], cuts=(128, 256, 384))
    assert interleaved(guest, tmp_path) == [0]


def test_pages_that_are_accepted_again_do_not_count(tmp_path: Path) -> None:
    guest = guest_with([(0,)])
    for vcpu in (1, 2, 3):
        page = guest.layout.low + FIRST * UNIT_SIZE + vcpu * PAGE_SIZE
        guest.share(page, PAGE_SIZE)
        guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.PRIVATE)
        guest.event(Kind.ASSIGN, page, PAGE_SIZE)
        guest.accept_block(page, PAGE_SIZE, vcpu)
    assert interleaved(guest, tmp_path) == []
