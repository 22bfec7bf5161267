# SPDX-License-Identifier: GPL-2.0-only
"""The bitmap as Linux's EFI stub fills it, checked page by page (semantics.md 3.2, 3.3.1, 6.9)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.firmware.unaccepted_table import (
    UnacceptedTable,
    process_unaccepted,
)
from acceptlab.toolkit.ranges import Range

PAGE, UNIT = 4096, 2 << 20
PAGES_PER_UNIT = 512


@st.composite
def pieces(draw: st.DrawFn) -> list[Range]:
    """Unaccepted pieces that don't touch, up to 5 units long, ends on pages, often on units."""
    length = st.one_of(
        st.integers(1, 2600), st.sampled_from([511, 512, 513, 1023, 1024, 1025, 1536])
    )
    gap = st.one_of(st.integers(1, 1500), st.sampled_from([512, 1024]))
    at = draw(st.one_of(st.integers(0, 3000), st.just(1024)))
    found = []
    for _ in range(draw(st.integers(0, 5))):
        pages = draw(length)
        found.append(Range(at * PAGE, (at + pages) * PAGE))
        at += pages + draw(gap)
    return found


def pages_of(ranges: list[Range]) -> set[int]:
    return {page for item in ranges for page in range(item.start // PAGE, item.end // PAGE)}


def pages_recorded(table: UnacceptedTable) -> set[int]:
    base, bits = table.phys_base // PAGE, 8 * len(table.bitmap)
    units = [n for n in range(bits) if table.bitmap[n // 8] >> n % 8 & 1]
    return {base + n * PAGES_PER_UNIT + page for n in units for page in range(PAGES_PER_UNIT)}


def unit_is_set(table: UnacceptedTable, unit: int) -> bool:
    index = unit - table.phys_base // UNIT
    return bool(0 <= index < 8 * len(table.bitmap) and table.bitmap[index // 8] >> index % 8 & 1)


@given(pieces())
def test_every_page_is_accepted_at_once_or_in_the_bitmap_never_both(
    unaccepted: list[Range],
) -> None:
    result = process_unaccepted(unaccepted)
    recorded = pages_recorded(result.table) if result.table else set()
    at_once = pages_of(result.accepted_at_once)
    assert recorded | at_once == pages_of(unaccepted)
    assert not recorded & at_once


@given(pieces().filter(bool))
def test_a_bit_is_set_when_and_only_when_its_unit_lies_in_a_piece_of_two_units_or_more(
    unaccepted: list[Range],
) -> None:
    table = process_unaccepted(unaccepted).table
    assert table is not None
    large = [item for item in unaccepted if (item.end - item.start) // PAGE >= 2 * PAGES_PER_UNIT]
    for unit in range(unaccepted[-1].end // UNIT + 3):
        pages = set(range(unit * PAGES_PER_UNIT, (unit + 1) * PAGES_PER_UNIT))
        expected = any(pages <= pages_of([item]) for item in large)
        assert unit_is_set(table, unit) is expected


@given(pieces().filter(bool))
def test_base_and_size_span_all_pieces_rounded_to_units(unaccepted: list[Range]) -> None:
    table = process_unaccepted(unaccepted).table
    assert table is not None
    assert table.phys_base == unaccepted[0].start // UNIT * UNIT
    end = -(-unaccepted[-1].end // UNIT) * UNIT
    assert len(table.bitmap) == -(-(end - table.phys_base) // (8 * UNIT))


def test_layout() -> None:
    """semantics.md 3.2.2: version at 0, unit size at 4, base at 8, bytes at 16, bitmap at 24, lowest bit first."""
    table = process_unaccepted([Range(10 * UNIT, 12 * UNIT), Range(19 * UNIT, 21 * UNIT)]).table
    assert table is not None
    data = table.encode()
    assert struct.unpack_from("<IIQQ", data) == (1, 0x200000, 10 * UNIT, 2)
    assert data[24:] == bytes([0b00000011, 0b00000110])


def test_no_unaccepted_memory_means_no_table() -> None:
    result = process_unaccepted([])
    assert result.table is None
    assert result.accepted_at_once == []


@pytest.mark.parametrize(
    ("piece", "at_once"),
    [
        (
            Range(UNIT, 3 * UNIT - PAGE),
            [Range(UNIT, 3 * UNIT - PAGE)],
        ),  # a whole unit, yet under two
        (Range(UNIT, 3 * UNIT), []),
        (Range(UNIT - PAGE, 3 * UNIT), [Range(UNIT - PAGE, UNIT)]),
        (Range(UNIT, 3 * UNIT + PAGE), [Range(3 * UNIT, 3 * UNIT + PAGE)]),
    ],
)
def test_awkward_shapes(piece: Range, at_once: list[Range]) -> None:
    assert process_unaccepted([piece]).accepted_at_once == at_once
