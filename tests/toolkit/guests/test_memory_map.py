# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.memory_map import (
    AcceptPolicy,
    Allocation,
    MemoryRequest,
    build_memory_map,
    machine_ram,
    parse_policy,
    parse_range,
    usable_ram,
)
from acceptlab.toolkit.ranges import GIB, MIB, PAGE, Range, total

LOW = Range(0, 0xA0000)


def request(size: int, policy: str = "all", **more: tuple[Range, ...]) -> MemoryRequest:
    return MemoryRequest(size, parse_policy(policy), **more)


def map_of(memory: MemoryRequest, *taken: Range) -> dict[EfiType, list[Range]]:
    allocations = [Allocation("kernel", item, EfiType.LOADER_CODE) for item in taken]
    result = build_memory_map(memory, usable_ram(memory, "snp"), allocations)
    return {kind: result.of_type(kind) for kind in EfiType if result.of_type(kind)}


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("below-4g", AcceptPolicy("below-4g")),
        ("minimal", AcceptPolicy("minimal")),
        ("minimal+64", AcceptPolicy("minimal", 64 * MIB)),
        ("minimal+1G", AcceptPolicy("minimal", GIB)),
        ("all", AcceptPolicy("all")),
    ],
)
def test_policies(text: str, policy: AcceptPolicy) -> None:
    assert parse_policy(text) == policy
    assert parse_policy(str(policy)) == policy


@pytest.mark.parametrize(
    "text", ["", "lazy", "minimal+", "minimal+x", "all+5", "minimal-5", "minimal+1K"]
)
def test_bad_policies(text: str) -> None:
    with pytest.raises(BadInputError, match="accepted memory"):
        parse_policy(text)


def test_ram_is_split_at_three_gib() -> None:
    assert machine_ram(8 * GIB, "snp") == [LOW, Range(MIB, 3 * GIB), Range(4 * GIB, 9 * GIB)]


def test_small_ram_is_all_low() -> None:
    assert machine_ram(512 * MIB, "tdx") == [LOW, Range(MIB, 512 * MIB)]


@pytest.mark.parametrize(
    ("size", "ram", "machine"),
    [
        (8 * GIB, [Range(MIB, 2 * GIB), Range(4 * GIB, 10 * GIB)], 9 * GIB),
        (0xB0000000, [Range(MIB, 2 * GIB), Range(4 * GIB, 0x130000000)], 0xF0000000),
        (0xB0000000 - 8192, [Range(MIB, 0xB0000000 - 8192)], 0xB0000000 - 8192),
    ],
)
def test_ram_as_q35_splits_it(size: int, ram: list[Range], machine: int) -> None:
    """The emulated machine has its RAM below 3 GiB all the same: it is larger by what the guest does not get there."""
    memory = MemoryRequest(size, parse_policy("all"), low_end=2 * GIB)
    assert usable_ram(memory, "tdx") == [LOW, *ram]
    assert memory.machine_size == machine
    assert MemoryRequest(size, parse_policy("all")).machine_size == size


@pytest.mark.parametrize("size", [0, -4096])
def test_no_memory(size: int) -> None:
    with pytest.raises(BadInputError, match="memory size is 0"):
        machine_ram(size, "snp")


@pytest.mark.parametrize("more", [1, PAGE])
def test_size_that_qemu_would_round(more: int) -> None:
    with pytest.raises(BadInputError, match="8 KiB"):
        machine_ram(512 * MIB + more, "snp")


@pytest.mark.parametrize(("platform", "bits"), [("snp", 46), ("tdx", 47), ("plain", 46)])
def test_address_width(platform: str, bits: int) -> None:
    largest = (1 << bits) - GIB  # one GiB of addresses is the hole below 4 GiB
    assert machine_ram(largest, platform)[-1].end == 1 << bits
    with pytest.raises(BadInputError, match=f"{bits}-bit address width"):
        machine_ram(largest + 2 * PAGE, platform)


def test_all() -> None:
    assert map_of(request(8 * GIB)) == {
        EfiType.CONVENTIONAL: [LOW, Range(MIB, 3 * GIB), Range(4 * GIB, 9 * GIB)]
    }


def test_below_4g() -> None:
    assert map_of(request(8 * GIB, "below-4g")) == {
        EfiType.CONVENTIONAL: [LOW, Range(MIB, 3 * GIB)],
        EfiType.UNACCEPTED: [Range(4 * GIB, 9 * GIB)],
    }


def test_minimal_accepts_only_what_is_taken_and_the_memory_below_1m() -> None:
    kernel = Range(16 * MIB, 48 * MIB)
    assert map_of(request(GIB, "minimal"), kernel) == {
        EfiType.CONVENTIONAL: [LOW],
        EfiType.LOADER_CODE: [kernel],
        EfiType.UNACCEPTED: [Range(MIB, 16 * MIB), Range(48 * MIB, GIB)],
    }


def test_minimal_and_some_more_takes_the_lowest_free_memory() -> None:
    kernel = Range(16 * MIB, 48 * MIB)
    found = map_of(request(GIB, "minimal+20"), kernel)
    assert found[EfiType.CONVENTIONAL] == [LOW, Range(MIB, 16 * MIB), Range(48 * MIB, 53 * MIB)]
    assert total(found[EfiType.CONVENTIONAL]) - LOW.size == 20 * MIB


def test_minimal_and_more_than_there_is() -> None:
    assert EfiType.UNACCEPTED not in map_of(request(GIB, "minimal+2G"))


def test_hole_is_in_no_piece() -> None:
    hole = Range(100 * MIB, 101 * MIB + PAGE)
    found = map_of(request(GIB, "all", holes=(hole,)))
    assert found[EfiType.CONVENTIONAL] == [LOW, Range(MIB, hole.start), Range(hole.end, GIB)]


def test_accepted_ranges_come_on_top_of_the_policy() -> None:
    extra = Range(5 * GIB + PAGE, 5 * GIB + 3 * PAGE)
    found = map_of(request(8 * GIB, "below-4g", accepted=(extra,)))
    assert found[EfiType.UNACCEPTED] == [Range(4 * GIB, extra.start), Range(extra.end, 9 * GIB)]


def test_end_of_ram_need_not_be_a_unit() -> None:
    found = map_of(request(8 * GIB + 6 * PAGE, "below-4g"))
    assert found[EfiType.UNACCEPTED] == [Range(4 * GIB, 9 * GIB + 6 * PAGE)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"holes": (Range(2 * GIB, 3 * GIB),)}, "hole 0x80000000-0xc0000000 is not within RAM"),
        ({"holes": (Range(MIB, MIB + 5),)}, "not aligned"),
        ({"holes": (Range(2 * MIB, 2 * MIB),)}, "empty"),
        ({"accepted": (Range(0x9F000, 0x101000),)}, "accepted range .* is not within RAM"),
        (
            {"holes": (Range(2 * MIB, 4 * MIB),), "accepted": (Range(3 * MIB, 5 * MIB),)},
            "accepted range .* is not within RAM",
        ),
    ],
)
def test_ranges_that_cannot_be(more: dict[str, tuple[Range, ...]], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        usable_ram(request(GIB, **more), "snp")


def test_range_syntax() -> None:
    assert parse_range("1G-2G", what="hole") == Range(GIB, 2 * GIB)
    assert parse_range("0x40000000+4K", what="hole") == Range(GIB, GIB + PAGE)


@pytest.mark.parametrize("text", ["", "1G", "2G-1G", "1G+0", "1-2", "1G..2G", "1G-2G-3G"])
def test_bad_range_syntax(text: str) -> None:
    with pytest.raises(BadInputError, match="hole"):
        parse_range(text, what="hole")
