# SPDX-License-Identifier: GPL-2.0-only
"""Firmware's pools: allocations lie inside pages, never overlap, and what is large begins behind a header."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.firmware.boot_handoff import build_handoff
from acceptlab.toolkit.firmware.bzimage import BzImage
from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.firmware.memory_map import MemoryRequest, parse_policy
from acceptlab.toolkit.firmware.placement import Placement
from acceptlab.toolkit.firmware.pool import HEAD, Pools
from acceptlab.toolkit.ranges import GIB, MIB, PAGE, Range

RAM = [Range(0, 64 * MIB)]
KINDS = (EfiType.ACPI_RECLAIM, EfiType.LOADER_DATA)
REQUESTS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 9000)), max_size=60)


@given(st.integers(0, 1 << 63), REQUESTS)
def test_no_two_allocations_overlap(seed: int, requests: list[tuple[EfiType, int]]) -> None:
    pools = Pools(Placement(RAM), seed)
    found = sorted(
        (pools.allocate(f"n{i}", size, kind), size) for i, (kind, size) in enumerate(requests)
    )
    assert all(a + size <= b - HEAD for (a, size), (b, _) in pairwise(found))


@given(st.integers(0, 1 << 63), REQUESTS)
def test_each_lies_in_memory_of_its_type(seed: int, requests: list[tuple[EfiType, int]]) -> None:
    place = Placement(RAM)
    pools = Pools(place, seed)
    for i, (kind, size) in enumerate(requests):
        at = pools.allocate(f"n{i}", size, kind)
        assert any(
            one.type is kind and one.range.start <= at - HEAD and at + size <= one.range.end
            for one in place.allocations
        )


def test_what_is_large_begins_behind_the_header_of_its_own_pages() -> None:
    place = Placement(RAM)
    assert Pools(place, 1).allocate("large", 4084, EfiType.ACPI_RECLAIM) % PAGE == HEAD
    assert [one.range.size for one in place.allocations if one.name == "large"] == [2 * PAGE]


def test_the_seed_decides_where_in_its_page_a_small_one_lies() -> None:
    places = {
        Pools(Placement(RAM), seed).allocate("x", 88, EfiType.ACPI_RECLAIM) % PAGE
        for seed in range(40)
    }
    assert len(places) > 10
    assert all((at - HEAD) % 64 == 0 for at in places), "blocks are multiples of 64 bytes"


def handoff_table(kernel: BzImage, size: int, low_end: int) -> tuple[int, int]:
    """Return address and size of the table in a guest of ``size`` bytes."""
    memory = MemoryRequest(size, parse_policy("below-4g"), low_end=low_end)
    handoff = build_handoff(GuestRequest("tdx", kernel, b"", "", memory))
    assert handoff.stub.table is not None
    return handoff.unaccepted_table, len(handoff.stub.table.encode())


@pytest.mark.parametrize(("size", "spans"), [(68024 * MIB, 2), (64 * GIB, 1), (16 * GIB, 1)])
def test_a_table_may_reach_into_one_page_more_than_its_size_has(
    kernel: BzImage, size: int, spans: int
) -> None:
    """What Linux before "efi: Fix reservation of unaccepted memory table" did not map."""
    at, length = handoff_table(kernel, size, 3 * GIB)
    assert length <= PAGE
    assert (at + length - 1) // PAGE - at // PAGE + 1 == spans


def test_where_low_memory_ends_decides_how_large_the_table_is(kernel: BzImage) -> None:
    large, small = (handoff_table(kernel, 64 * GIB, end * GIB)[1] for end in (2, 3))
    assert large - small == GIB // (2 * MIB) // 8
