# SPDX-License-Identifier: GPL-2.0-only
"""Stores to the table of unaccepted memory: the order of accept and bit (I4), and who else writes there (I9)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acceptlab.analysis.invariants.bit_order import units_of
from acceptlab.analysis.invariants.i04_bitmap import CLEAR_TOO_EARLY, CLEARED_FIRST
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.table_use import BITS_SET, GIVEN_BACK, HEADER_CHANGED, REUSED
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.pages.table_stores import Bits, stores_of
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Attack, Kind
from tests.analysis.synthetic import MIB, TABLE, TABLE_HEADER, Guest, booted

SPARE = 56 * MIB // UNIT_SIZE
"""A unit, counted from the first bit, that the boot does not accept."""


def watched(**options: Any) -> Guest:
    guest = Guest(watched=True, **options)
    guest.boot()
    return guest


def replay(guest: Guest, folder: Path, **changes: Any) -> Verdict:
    if Kind.END not in [row[9] for row in guest.rows]:
        guest.work()
        guest.end()
    return replay_run(guest.write(folder / "run", **changes))


def found(verdict: Verdict) -> set[tuple[str, str]]:
    return {(one.invariant, one.title) for one in verdict.findings}


def unit_at(guest: Guest, unit: int) -> int:
    return guest.layout.low + unit * UNIT_SIZE


# --- the order of accept and bit (I4) ------------------------------------------------------


@pytest.mark.parametrize("backing", ["2M", "4K"])
@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_bits_that_are_cleared_behind_the_accept(
    platform: str, backing: str, tmp_path: Path
) -> None:
    verdict = replay(watched(platform=platform, backing=backing), tmp_path)
    assert (verdict.verdict, verdict.reasons) == ("clean", [])
    about = {one.name: one.explanation for one in verdict.invariants}
    assert "each of 8 bits was cleared after its unit was accepted" in about["I4"]
    assert "nothing but cleared bits was stored to the table" in about["I9"]


@pytest.mark.parametrize("backing", ["2M", "4K"])
@pytest.mark.parametrize("later", [True, False], ids=["same step", "next step"])
def test_a_bit_that_is_cleared_before_the_accept(later: bool, backing: str, tmp_path: Path) -> None:
    """No snapshot lies between the two: nothing else tells."""
    guest = watched(backing=backing)
    guest.store_bits(SPARE, SPARE + 1, False, vcpu=1)
    place = len(guest.rows) - 1
    if later:
        guest.accept_unit(unit_at(guest, SPARE))
    else:
        guest.snapshot("between")
        guest.accept_unit(unit_at(guest, SPARE))
    verdict = replay(guest, tmp_path)
    assert found(verdict) == {("I4", CLEARED_FIRST)}
    finding = verdict.findings[0]
    assert finding.evidence["events"][0] == place
    assert finding.evidence["vcpu"] == 1
    assert finding.evidence["gpa"] == hex(unit_at(guest, SPARE))


@pytest.mark.parametrize("pages", [0, 1, 511])
def test_a_bit_that_is_cleared_when_a_part_of_its_unit_is_accepted(
    pages: int, tmp_path: Path
) -> None:
    guest = watched(backing="4K", platform="tdx")
    unit = unit_at(guest, SPARE)
    for number in range(512):
        if number == pages:
            guest.store_bits(SPARE, SPARE + 1, False)
        page = unit + number * PAGE_SIZE
        guest.event(Kind.ASSIGN, page, PAGE_SIZE)
        guest.accept_block(page, PAGE_SIZE)
    assert found(replay(guest, tmp_path)) == {("I4", CLEARED_FIRST)}


def test_a_second_accept_behind_the_bit_is_no_matter_of_order(tmp_path: Path) -> None:
    """A page that was accepted once is accepted anew after each conversion."""
    guest = watched()
    guest.accept_memory(unit_at(guest, SPARE), 1)
    guest.share(unit_at(guest, SPARE), PAGE_SIZE)
    guest.unshare(unit_at(guest, SPARE), PAGE_SIZE)
    assert replay(guest, tmp_path).verdict == "clean"


def test_a_bit_of_memory_that_is_never_accepted_is_one_finding(tmp_path: Path) -> None:
    guest = watched()
    guest.store_bits(SPARE, SPARE + 1, False)
    assert found(replay(guest, tmp_path)) == {("I4", CLEARED_FIRST)}


def test_without_the_events_only_the_snapshots_tell(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.store_bits(SPARE, SPARE + 1, False)
    verdict = replay(guest, tmp_path)
    assert found(verdict) == {("I4", CLEAR_TOO_EARLY)}


def test_a_trace_without_the_events_does_not_claim_the_order(tmp_path: Path) -> None:
    about = {one.name: one.explanation for one in replay(booted(), tmp_path).invariants}
    assert "does not show in which order" in about["I4"]
    assert "nothing but cleared bits" not in about["I9"]


def test_a_bit_of_memory_that_firmware_accepted_in_part_does_not_matter(tmp_path: Path) -> None:
    """The bitmap may span more than what is unaccepted."""
    guest = watched()
    handoff = guest.info().handoff
    ((start, size),) = handoff.unaccepted
    less = replace(handoff, unaccepted=((start, size - UNIT_SIZE),))
    guest.store_bits(31, 32, False)
    assert ("I4", CLEARED_FIRST) not in found(replay(guest, tmp_path, handoff=less))


def test_a_bit_of_memory_that_firmware_shared_does_not_matter(tmp_path: Path) -> None:
    """Nobody accepted it, and nobody has to before the bit is cleared."""
    guest = Guest(watched=True)
    handoff = guest.info().handoff
    ((start, size),) = handoff.unaccepted
    less = size - UNIT_SIZE
    shared = replace(handoff, unaccepted=((start, less),), shared=((start + less, UNIT_SIZE),))
    guest.bits[31] = False
    guest.boot()
    guest.store_bits(31, 32, True)
    guest.store_bits(31, 32, False)
    verdict = replay(guest, tmp_path, handoff=shared)
    assert found(verdict) == set()
    assert "each of 8 bits was cleared after" in verdict.invariants[3].explanation


@pytest.mark.parametrize(("unit_size", "units"), [(UNIT_SIZE, [19]), (2 * UNIT_SIZE, [22, 23])])
def test_a_bit_may_stand_for_several_units(unit_size: int, units: list[int]) -> None:
    bits = Bits(np.array([5]), np.array([3]))
    spread = units_of(bits, Bitmap(TABLE, 16 * UNIT_SIZE, unit_size, 16), 64)
    assert spread.bit.tolist() == units
    assert set(spread.position.tolist()) == {5}
    assert units_of(bits, Bitmap(TABLE, 16 * UNIT_SIZE, unit_size, 16), units[0]).bit.tolist() == []


# --- who else writes there (I9) --------------------------------------------------------------


def test_a_store_to_the_header(tmp_path: Path) -> None:
    guest = watched()
    guest.store(8, guest.layout.low, 0, vcpu=1)
    verdict = replay(guest, tmp_path)
    assert found(verdict) == {("I9", HEADER_CHANGED)}
    assert verdict.findings[0].evidence["vcpu"] == 1


def test_a_store_across_the_end_of_the_header_that_changes_bits_only(tmp_path: Path) -> None:
    guest = watched()
    guest.accept_unit(unit_at(guest, 0))
    guest.bits[0] = False
    old = int(guest._words()[0]) | 1
    size = -(-len(guest.bits) // 8)
    whole = (old & 0xFFFFFFFF) << 32 | size >> 32
    guest.store(TABLE_HEADER - 4, whole, whole & ~(1 << 32))
    assert found(replay(guest, tmp_path)) == set()


def test_bits_of_accepted_memory_that_are_set(tmp_path: Path) -> None:
    guest = watched()
    used = 16 * MIB // UNIT_SIZE
    guest.store_bits(used, used + 1, True)
    guest.store_bits(used, used + 1, False)
    assert found(replay(guest, tmp_path)) == {("I9", BITS_SET)}


def test_bits_of_memory_that_the_guest_gave_back_may_be_set(tmp_path: Path) -> None:
    guest = watched()
    used = 16 * MIB // UNIT_SIZE
    guest.store_bits(used, used + 1, True)
    guest.share(unit_at(guest, used), UNIT_SIZE)
    guest.unshare(unit_at(guest, used), UNIT_SIZE)
    guest.store_bits(used, used + 1, False)
    assert ("I9", BITS_SET) not in found(replay(guest, tmp_path))


def test_the_end_of_the_watch(tmp_path: Path) -> None:
    guest = watched()
    guest.event(Kind.TABLE_WATCH, TABLE, guest.table_size, detail=0)
    verdict = replay(guest, tmp_path)
    assert found(verdict) == {("I9", REUSED)}
    about = {one.name: one.explanation for one in verdict.invariants}
    assert "up to the end of the watch" in about["I4"]


@pytest.mark.parametrize("events", [True, False])
def test_the_tables_own_page_is_given_back(events: bool, tmp_path: Path) -> None:
    guest = Guest(watched=events)
    guest.boot()
    guest.share(TABLE, PAGE_SIZE)
    assert found(replay(guest, tmp_path)) == {("I9", GIVEN_BACK)}


def test_the_page_behind_the_table_is_none_of_its(tmp_path: Path) -> None:
    guest = watched()
    guest.share(TABLE + PAGE_SIZE, PAGE_SIZE)
    guest.share(TABLE - PAGE_SIZE, PAGE_SIZE)
    assert replay(guest, tmp_path).verdict == "clean"


# --- stores and snapshots contradict each other ------------------------------------------------


def test_a_snapshot_that_is_not_what_the_stores_made(tmp_path: Path) -> None:
    """Then stores are missing: nothing that follows from several events is certain."""
    guest = watched()
    guest.bits[20] = False
    guest.accept_unit(unit_at(guest, 20))
    verdict = replay(guest, tmp_path)
    assert verdict.verdict == "undecided"
    assert any("bit 20 of the bitmap of snapshot" in one for one in verdict.reasons)


def test_a_page_that_the_host_replaced_has_other_content_without_a_store(tmp_path: Path) -> None:
    guest = watched()
    guest.event(Kind.ATTACK, TABLE, PAGE_SIZE, detail=Attack.REASSIGN)
    guest.bits[20] = False
    guest.accept_unit(unit_at(guest, 20))
    verdict = replay(guest, tmp_path)
    assert not any("bit 20" in one for one in verdict.reasons)


# --- decoding -----------------------------------------------------------------------------------


def batch_of(*stores: tuple[int, int, int, int]) -> Batch:
    gpa, size, result, detail = (np.array(one, np.uint64) for one in zip(*stores, strict=True))
    kind = np.full(len(stores), Kind.TABLE_STORE, np.uint8)
    return Batch(0, {"kind": kind, "gpa": gpa, "size": size, "result": result, "detail": detail})


BITMAP = Bitmap(TABLE, 0, UNIT_SIZE, 16)


@pytest.mark.parametrize(
    ("store", "cleared", "set_", "header"),
    [
        ((TABLE + 24, 8, 0b111, 0b010), [0, 2], [], False),
        ((TABLE + 25, 1, 0b000, 0b100), [], [10], False),
        ((TABLE + 24, 1, 0xFFF, 0), list(range(8)), [], False),
        ((TABLE + 22, 4, 0x00010001, 0), [0], [], True),
        ((TABLE + 22, 4, 0x00010001, 1), [0], [], False),
        ((TABLE, 4, 1, 2), [], [], True),
        ((TABLE - 4, 8, 1, 2), [], [], False),
        ((TABLE - 4, 8, 1 << 32, 2 << 32), [], [], True),
        ((TABLE + 24 + 15, 2, 0x8080, 0), [127], [], False),
        ((TABLE + 24, 200, 1, 0), [0], [], False),
    ],
)
def test_what_a_store_changed(
    store: tuple[int, int, int, int], cleared: list[int], set_: list[int], header: bool
) -> None:
    stores = stores_of(batch_of(store), BITMAP)
    assert stores is not None
    assert stores.cleared.bit.tolist() == cleared
    assert stores.set.bit.tolist() == set_
    assert bool(len(stores.header)) == header


@pytest.mark.parametrize("gpa", [0, TABLE - 8, TABLE + 24 + 16, (1 << 64) - 8])
def test_a_store_elsewhere_is_none(gpa: int) -> None:
    assert stores_of(batch_of((gpa, 8, 1, 0)), BITMAP) is None
