# SPDX-License-Identifier: GPL-2.0-only
"""Boot handoffs of guests in every shape, and what their memory says: to the kernel, and to the emulator."""

from __future__ import annotations

import struct
from typing import NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from acceptlab.toolkit.firmware.boot_handoff import Handoff, build_handoff
from acceptlab.toolkit.firmware.bzimage import BzImage
from acceptlab.toolkit.firmware.handoff_files import map_text
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.firmware.memory_map import MemoryRequest, parse_policy
from acceptlab.toolkit.ranges import GIB, MIB, Range, subtract, union

PAGE, UNIT, STEP = 4096, 2 << 20, 8192
UNACCEPTED_GUID = UUID("d5d1de3c-105c-44f9-9ea9-bcef98120031")
CC_BLOB_GUID = UUID("067b1f5f-cf26-44c5-8554-93d777912d42")
ACPI_GUID = UUID("8868e871-e4f1-11d3-bc22-0080c73c8881")
CONFIDENTIAL = ("snp", "tdx")
E820_OF_EFI = {0: 2, 1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2, 7: 1, 9: 3, 10: 4, 15: 1}


class Memory:
    """Guest memory with the blobs loaded."""

    def __init__(self, handoff: Handoff) -> None:
        self.blobs = handoff.blobs

    def read(self, address: int, size: int) -> bytes:
        for blob in self.blobs:
            if blob.address <= address and address + size <= blob.address + len(blob.data):
                at = address - blob.address
                return blob.data[at : at + size]
        raise AssertionError(f"nothing was loaded at {address:#x}")

    def u32(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    def u64(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")


class Descriptor(NamedTuple):
    kind: int
    start: int
    end: int


def zero_page(handoff: Handoff) -> bytes:
    return Memory(handoff).read(handoff.entry.boot_params, PAGE)


def efi_map(handoff: Handoff) -> list[Descriptor]:
    """Read it as Linux does: through efi_info at 0x1c0."""
    info = struct.unpack_from("<4s7I", zero_page(handoff), 0x1C0)
    assert info[0] == b"EL64"
    assert info[2:4] == (48, 1)
    data = Memory(handoff).read(info[4] | info[7] << 32, info[5])
    found = []
    for at in range(0, len(data), 48):
        kind, start, pages = struct.unpack_from("<I4xQ8xQ", data, at)
        found.append(Descriptor(kind, start, start + pages * PAGE))
    return found


def config_tables(handoff: Handoff) -> dict[UUID, int]:
    memory = Memory(handoff)
    info = struct.unpack_from("<4s7I", zero_page(handoff), 0x1C0)
    system = info[1] | info[6] << 32
    count, tables = memory.u64(system + 104), memory.u64(system + 112)
    return {
        UUID(bytes_le=memory.read(at, 16)): memory.u64(at + 16)
        for at in range(tables, tables + 24 * count, 24)
    }


def e820(handoff: Handoff) -> list[tuple[int, int, int]]:
    page = zero_page(handoff)
    return [struct.unpack_from("<QQI", page, 0x2D0 + 20 * index) for index in range(page[0x1E8])]


def bitmap_ranges(handoff: Handoff) -> list[Range]:
    """Return what the bitmap in guest memory says is unaccepted, bit by bit."""
    tables = config_tables(handoff)
    if UNACCEPTED_GUID not in tables:
        return []
    memory, at = Memory(handoff), tables[UNACCEPTED_GUID]
    version, unit, base, size = struct.unpack("<IIQQ", memory.read(at, 24))
    assert (version, unit) == (1, UNIT)
    bitmap = memory.read(at + 24, size)
    units = [base + n * UNIT for n in range(8 * size) if bitmap[n // 8] >> n % 8 & 1]
    return union(Range(start, start + UNIT) for start in units)


def file_ranges(handoff: Handoff, keyword: str) -> list[Range]:
    """Return the ranges that the emulator gets."""
    lines = [line.split() for line in map_text(handoff).splitlines()]
    found = [Range(int(a[1], 0), int(a[1], 0) + int(a[2], 0)) for a in lines if a[0] == keyword]
    assert found == union(found)
    return found


def allocation(handoff: Handoff, name: str) -> Range:
    (found,) = [item.range for item in handoff.memory_map.allocations if item.name == name]
    return found


def make(
    kernel: BzImage, platform: str = "snp", policy: str = "below-4g", **more: object
) -> Handoff:
    size = more.pop("size", 8 * GIB)
    holes, accepted = more.pop("holes", ()), more.pop("accepted", ())
    memory = MemoryRequest(size, parse_policy(policy), holes, accepted)  # type: ignore[arg-type]
    values = {"initrd": b"initrd" * 2000, "cmdline": "console=ttyS0", **more}
    return build_handoff(GuestRequest(platform, kernel, memory=memory, **values))  # type: ignore[arg-type]


@st.composite
def memories(draw: st.DrawFn) -> MemoryRequest:
    """Memory in every shape: odd sizes, holes and accepted spots at page granularity, all policies."""
    size = draw(
        st.one_of(
            st.integers(128 * MIB // STEP, GIB // STEP).map(lambda steps: steps * STEP),
            st.integers(4 * GIB // STEP, 5 * GIB // STEP).map(lambda steps: steps * STEP),
            st.sampled_from(
                [128 * MIB, 2 * GIB, 3 * GIB, 3 * GIB + STEP, 4 * GIB + 3 * MIB, 16 * GIB]
            ),
        )
    )
    ram = [Range(80 * MIB, min(size, 3 * GIB) - 8 * MIB)]
    if size > 3 * GIB:
        ram.append(Range(4 * GIB, size + GIB))

    def spot(within: Range) -> Range:
        pages = draw(st.one_of(st.integers(1, 1600), st.sampled_from([1, 512, 1024, 1025])))
        last = within.end // PAGE - pages
        first = within.start // PAGE
        if last <= first:
            return within
        at = draw(
            st.one_of(st.integers(first, last), st.integers(first // 512 + 1, last // 512 + 1))
        )
        start = at if at >= first else min(at * 512, last)
        return Range(start * PAGE, (start + pages) * PAGE)

    spots = [spot(draw(st.sampled_from(ram))) for _ in range(draw(st.integers(0, 6)))]
    count = draw(st.integers(0, len(spots)))
    holes = tuple(spots[:count])
    accepted = tuple(subtract(spots[count:], holes))
    policy = draw(st.sampled_from(["below-4g", "minimal", "minimal+1", "minimal+77", "all"]))
    return MemoryRequest(size, parse_policy(policy), holes, accepted)
