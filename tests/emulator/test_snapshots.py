# SPDX-License-Identifier: GPL-2.0-only
"""Snapshots of the unaccepted bitmap and of the true page states, at the moments where a kernel's stages change."""

from __future__ import annotations

import numpy as np
import pytest

from acceptlab.analysis.pages.snapshots import Snapshot, read_snapshot
from tests.emulator.bare_handoff import FRESH, HOLE, HOLE_END, PAGE, PAPERS, UNIT
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

TABLE = Setup(handoff=(f"unaccepted-table {PAPERS:#x}",))
HOST, UNACCEPTED, ACCEPTED = range(3)
MOMENTS = ["kernel", "userspace", "second-decompressor", "end"]


def snapshots(run: BareRun) -> list[Snapshot]:
    return [read_snapshot(run.folder / "bitmap", number) for number in range(len(MOMENTS))]


def packed(snapshot: Snapshot) -> list[int]:
    """Return the bytes of the bitmap."""
    assert snapshot.bits is not None
    return list(map(int, np.packbits(snapshot.bits, bitorder="little")))


def state_at(snapshot: Snapshot, gpa: int) -> int | None:
    """Return the state of the page at this address, None where there is no RAM."""
    assert snapshot.runs is not None
    found = [
        int(run["state"])
        for run in snapshot.runs
        if run["start"] <= gpa < run["start"] + run["size"]
    ]
    assert len(found) <= 1, "runs overlap"
    return found[0] if found else None


def test_each_is_an_event_with_its_number(bare: Boot, platform: str) -> None:
    run = bare(platform, "snapshots", "case_stages", TABLE)
    assert [event.detail for event in run.of("bitmap")] == [0, 1, 2, 3]
    assert [snapshot.moment for snapshot in snapshots(run)] == MOMENTS


def test_bitmap_is_as_long_as_the_table_says_and_as_it_stood(bare: Boot) -> None:
    run = bare("snp", "snapshots", "case_stages", TABLE)
    assert [packed(snapshot) for snapshot in snapshots(run)] == [
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        [0xFE, 0xFF, 0xFF, 0xFF, 0xFF],
        [0xFE, 0xFF, 0xFF, 0xFF, 0xFF],
        [0xFE, 0xFF, 0xFF, 0xFF, 0x7F],
    ]


def test_page_states_are_those_of_the_moment(bare: Boot) -> None:
    """The host gives the whole unit when the guest accepts its first page."""
    run = bare("snp", "snapshots", "case_stages", TABLE)
    places = (FRESH - PAGE, FRESH, FRESH + PAGE, FRESH + UNIT, HOLE, HOLE_END)
    before, after, _, _ = ([state_at(s, gpa) for gpa in places] for s in snapshots(run))
    assert before == [ACCEPTED, HOST, HOST, HOST, None, HOST]
    assert after == [ACCEPTED, ACCEPTED, UNACCEPTED, HOST, None, HOST]


def test_without_a_table_there_is_no_bitmap(bare: Boot) -> None:
    run = bare("snp", "snapshots", "case_stages")
    for snapshot in snapshots(run):
        assert snapshot.bits is None
        assert snapshot.runs is not None


@pytest.mark.parametrize("table", [PAPERS, 1 << 45], ids=["size", "address"])
def test_table_beyond_memory_is_left_out(bare: Boot, table: int) -> None:
    setup = Setup(handoff=(f"unaccepted-table {table:#x}",))
    run = bare("snp", "snapshots", "case_size_beyond_memory", setup)
    assert run.outcome == "shutdown"
    assert read_snapshot(run.folder / "bitmap", 0).bits is None


def test_snapshot_that_cannot_be_written_ends_the_run(bare: Boot) -> None:
    run = bare("snp", "snapshots", "case_stages", Setup(properties=("snapshots=/nowhere",)))
    assert run.exit_code == 1
    assert "the run ends here" in run.log
    assert run.of("end") == [], "a stream that was cut off must not look complete"
