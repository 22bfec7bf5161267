# SPDX-License-Identifier: GPL-2.0-only
"""Which events make a stretch, and which do not."""

from __future__ import annotations

import numpy as np
import pytest

from acceptlab.analysis.pages.stretches import Stretches, stretches_of
from acceptlab.analysis.pages.transitions import Op, ops_of
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import NO_CARRY, PAGE_SIZE, UNIT_SIZE, Kind

Row = tuple[Kind, int, int]
"""Kind, page, vCPU."""


def stretches(rows: list[Row], **changes: int) -> Stretches:
    """The stretches of events of one page each; ``changes`` sets one event's size: ``size_7``."""
    count = len(rows)
    columns = {name: np.zeros(count, np.uint64) for name in ("result", "detail")}
    columns["gpa"] = np.array([page * PAGE_SIZE for _, page, _ in rows], np.uint64)
    columns["size"] = np.full(count, PAGE_SIZE, np.uint64)
    columns["kind"] = np.array([kind for kind, _, _ in rows], np.uint8)
    columns["vcpu"] = np.array([vcpu for _, _, vcpu in rows], np.uint16)
    columns["stage"] = np.zeros(count, np.uint8)
    columns["carry"] = np.full(count, NO_CARRY, np.uint8)
    for name, value in changes.items():
        column, at = name.split("_")
        columns[column][int(at)] = value
    batch = Batch(0, columns)
    return stretches_of(batch, ops_of(batch))


def told(found: Stretches) -> set[tuple[int, int, int, int]]:
    """(first position, first page, pages, stride) of every stretch."""
    pages = (found.size // np.uint64(PAGE_SIZE)).tolist()
    first = (found.gpa // np.uint64(PAGE_SIZE)).tolist()
    return set(
        zip(found.order[found.at].tolist(), first, pages, found.stride.tolist(), strict=True)
    )


def test_pages_side_by_side_are_one_stretch() -> None:
    rows = [(Kind.ACCEPT, 100 + page, 0) for page in range(40)]
    assert told(stretches(rows)) == {(0, 100, 40, 1)}


def test_what_alternates_is_one_stretch_each() -> None:
    rows = [(kind, page, 0) for page in range(40) for kind in (Kind.ASSIGN, Kind.ACCEPT)]
    assert told(stretches(rows)) == {(0, 0, 40, 2), (1, 0, 40, 2)}


def test_an_event_that_changes_no_page_does_not_disturb() -> None:
    rows: list[Row] = [(Kind.ACCEPT, page, 0) for page in range(40)]
    rows.insert(7, (Kind.BITMAP, 0, 0))
    found = stretches(rows)
    assert told(found) == {(0, 0, 40, 1)}
    assert found.order.tolist() == [*range(7), *range(8, 41)]


@pytest.mark.parametrize("kind", [Kind.FAULT, Kind.CIPHERTEXT])
def test_looks_stay_single(kind: Kind) -> None:
    assert not stretches([(kind, page, 0) for page in range(40)]).stride.any()


def test_another_vcpu_begins_another_stretch() -> None:
    rows = [(Kind.ACCEPT, page, page // 20) for page in range(40)]
    assert told(stretches(rows)) == {(0, 0, 20, 1), (20, 20, 20, 1)}


@pytest.mark.parametrize(("change", "value"), [("size_20", UNIT_SIZE), ("gpa_20", 20 * 4096 + 8)])
def test_another_shape_stays_single(change: str, value: int) -> None:
    found = told(stretches([(Kind.ACCEPT, page, 0) for page in range(40)], **{change: value}))
    assert {(0, 0, 20, 1), (21, 21, 19, 1)} < found and len(found) == 3


def test_pages_out_of_order_stay_single() -> None:
    found = stretches([(Kind.ACCEPT, page * 7 % 41, 0) for page in range(41)])
    assert not found.stride.any() and (found.op == Op.ACCEPT).all()


def test_no_stretch_goes_over_the_end_of_all_addresses() -> None:
    last = (1 << 52) - 1
    rows = [(Kind.ACCEPT, (last - 19 + page) % (1 << 52), 0) for page in range(40)]
    assert told(stretches(rows)) == {(0, last - 19, 20, 1), (20, 0, 20, 1)}
