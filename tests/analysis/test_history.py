# SPDX-License-Identifier: GPL-2.0-only
"""The events of single pages are found wherever they are in the file, and only what holds them is read whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.pages.history import look_up
from acceptlab.analysis.trace import event_writer
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import KIND_NAMES, PAGE_SIZE, Kind
from tests.analysis.synthetic import MIB, Guest, booted

OF_NO_PAGE = (Kind.STAGE, Kind.BITMAP, Kind.END, Kind.TERMINATE, Kind.AP_START)


@pytest.fixture(scope="module")
def guest() -> Guest:
    return booted(backing="4K")


def expected(guest: Guest, page: int) -> list[tuple[int, str]]:
    """(seq, kind) of every event over the page, straight from the records."""
    records = guest.records()
    inside = (records["gpa"] <= page) & (page < records["gpa"] + records["size"])
    inside &= ~np.isin(records["kind"], OF_NO_PAGE)
    return [(int(one["seq"]), KIND_NAMES[one["kind"] - 1]) for one in records[inside]]


@pytest.mark.parametrize("group", [50, 1 << 20])
def test_events_are_found_in_every_row_group(
    group: int, guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_writer, "GROUP_RECORDS", group)
    events = EventFile(guest.write(tmp_path / "run") / "events.parquet")
    low = guest.layout.low
    pages = [
        8 * MIB,
        low - 16 * MIB,
        low + 16 * MIB,
        low + 17 * MIB + 5 * PAGE_SIZE,
        low + 40 * MIB,
    ]
    last = len(guest.rows) - 1
    found = look_up(events, pages, [0, 700, last])
    for page in pages:
        told = [(event["seq"], event["kind"]) for event in found.pages[page]]
        assert told == expected(guest, page) and len(told) > 1
    assert set(found.callers) == {0, 700, last}


def test_an_event_that_begins_before_the_page_and_ends_in_it_counts(tmp_path: Path) -> None:
    guest = Guest()
    page = guest.layout.low - MIB
    guest.event(Kind.FAULT, page - 8, PAGE_SIZE)
    guest.end()
    found = look_up(EventFile(guest.write(tmp_path / "run") / "events.parquet"), [page], [])
    assert "fault" in [event["kind"] for event in found.pages[page]]


def test_only_row_groups_with_such_events_are_read_whole(
    guest: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_writer, "GROUP_RECORDS", 50)
    events = EventFile(guest.write(tmp_path / "run") / "events.parquet")
    groups = events.groups_of(np.array([0, 49, 50, 1234]))
    assert groups == {0, 1, 24}
    seqs = np.concatenate([batch["seq"] for batch in events.batches_of(groups, ["seq"])])
    assert seqs.tolist() == [*range(100), *range(1200, 1250)]
    assert [batch.start for batch in events.batches_of(groups, ["seq"])] == [0, 50, 1200]
