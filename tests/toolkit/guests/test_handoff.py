# SPDX-License-Identifier: GPL-2.0-only
"""Whole boot handoffs, read back from their blobs by the way a kernel goes: from the zero page on."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.boot_handoff import Handoff, build_handoff
from acceptlab.toolkit.firmware.bzimage import BzImage
from acceptlab.toolkit.firmware.handoff_files import map_text
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.firmware.memory_map import MemoryRequest, parse_policy
from acceptlab.toolkit.ranges import GIB, MIB, Range, intersect, subtract, total, union
from tests.examples import examples

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
    """Return the ranges that the emulator is told."""
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


PROPERTY = examples(20)


@pytest.mark.parametrize("platform", CONFIDENTIAL)
@PROPERTY
@given(memory=memories())
def test_every_page_of_ram_is_accepted_or_in_the_bitmap_and_never_both(
    kernel: BzImage, platform: str, memory: MemoryRequest
) -> None:
    handoff = build_handoff(GuestRequest(platform, kernel, b"i", "", memory))
    legacy = [Range(0xA0000, 0x100000)]
    ram = subtract(file_ranges(handoff, "ram"), legacy)
    accepted = subtract(file_ranges(handoff, "accepted"), legacy)
    unaccepted = bitmap_ranges(handoff)
    assert intersect(accepted, unaccepted) == []
    assert union([*accepted, *unaccepted]) == ram


@pytest.mark.parametrize("platform", CONFIDENTIAL)
@PROPERTY
@given(memory=memories())
def test_efi_map_divides_ram_and_leaves_the_holes_out(
    kernel: BzImage, platform: str, memory: MemoryRequest
) -> None:
    handoff = build_handoff(GuestRequest(platform, kernel, b"i", "", memory))
    found = efi_map(handoff)
    assert all(a.end <= b.start for a, b in pairwise(found))
    ram = [Range(0, 0xA0000), Range(MIB, min(memory.size, 3 * GIB))]
    if memory.size > 3 * GIB:
        ram.append(Range(4 * GIB, memory.size + GIB))
    assert union(Range(item.start, item.end) for item in found) == subtract(ram, memory.holes)


@pytest.mark.parametrize("platform", CONFIDENTIAL)
@PROPERTY
@given(memory=memories())
def test_e820_says_the_same_as_the_efi_map(
    kernel: BzImage, platform: str, memory: MemoryRequest
) -> None:
    handoff = build_handoff(GuestRequest(platform, kernel, b"i", "", memory))
    entries = e820(handoff)
    for kind in (1, 2, 3, 4):
        from_efi = union(
            Range(d.start, d.end) for d in efi_map(handoff) if E820_OF_EFI[d.kind] == kind
        )
        assert [Range(at, at + size) for at, size, its in entries if its == kind] == from_efi


@pytest.mark.parametrize("platform", CONFIDENTIAL)
@PROPERTY
@given(memory=memories())
def test_whatever_is_loaded_lies_in_accepted_memory_and_nothing_overlaps(
    kernel: BzImage, platform: str, memory: MemoryRequest
) -> None:
    handoff = build_handoff(GuestRequest(platform, kernel, b"i" * 5000, "", memory))
    accepted = file_ranges(handoff, "accepted")
    loaded = sorted(Range(b.address, b.address + len(b.data)) for b in handoff.blobs)
    assert intersect(loaded, accepted) == union(loaded)
    assert total(union(loaded)) == sum(len(blob.data) for blob in handoff.blobs)
    places = [item.range for item in handoff.memory_map.allocations]
    assert total(union(places)) == total(places)


@pytest.mark.parametrize("platform", CONFIDENTIAL)
@PROPERTY
@given(memory=memories())
def test_without_the_stub_only_the_memory_map_tells_what_is_unaccepted(
    kernel: BzImage, platform: str, memory: MemoryRequest
) -> None:
    request = GuestRequest(platform, kernel, b"initrd", "quiet", memory, shape="memory-map")
    handoff = build_handoff(request)
    told = union(Range(one.start, one.end) for one in efi_map(handoff) if one.kind == 15)
    assert told == handoff.unaccepted
    assert UNACCEPTED_GUID not in config_tables(handoff)
    assert handoff.unaccepted_table == 0


@pytest.mark.parametrize("platform", CONFIDENTIAL)
def test_below_4g_leaves_everything_above_unaccepted(kernel: BzImage, platform: str) -> None:
    assert bitmap_ranges(make(kernel, platform)) == [Range(4 * GIB, 9 * GIB)]


@pytest.mark.parametrize("platform", CONFIDENTIAL)
def test_minimal_accepts_little(kernel: BzImage, platform: str) -> None:
    handoff = make(kernel, platform, "minimal")
    assert total(handoff.memory_map.accepted) < kernel.init_size + 2 * MIB
    assert total(bitmap_ranges(handoff)) > 7 * GIB


def test_minimal_plus_accepts_that_much_more(kernel: BzImage) -> None:
    minimal, more = make(kernel, policy="minimal"), make(kernel, policy="minimal+100")
    difference = total(more.memory_map.accepted) - total(minimal.memory_map.accepted)
    assert difference == 100 * MIB


@pytest.mark.parametrize("platform", [*CONFIDENTIAL, "plain"])
def test_all_accepted_means_no_table(kernel: BzImage, platform: str) -> None:
    handoff = make(kernel, platform, "all")
    assert UNACCEPTED_GUID not in config_tables(handoff)
    assert "unaccepted-table" not in map_text(handoff)
    assert handoff.unaccepted == []


@pytest.mark.parametrize("platform", CONFIDENTIAL)
def test_the_emulator_is_told_where_the_table_is(kernel: BzImage, platform: str) -> None:
    handoff = make(kernel, platform)
    assert f"unaccepted-table {config_tables(handoff)[UNACCEPTED_GUID]:#x}\n" in map_text(handoff)


def test_ranges_of_one_page_are_accepted_by_the_stub(kernel: BzImage) -> None:
    spots = (Range(5 * GIB, 5 * GIB + UNIT), Range(5 * GIB + UNIT + PAGE, 5 * GIB + 2 * UNIT))
    handoff = make(kernel, accepted=spots)
    page = Range(5 * GIB + UNIT, 5 * GIB + UNIT + PAGE)
    assert handoff.stub.accepted_at_once == [page]
    assert Descriptor(15, page.start, page.end) in efi_map(handoff)


def test_end_that_is_no_unit_is_accepted_by_the_stub(kernel: BzImage) -> None:
    handoff = make(kernel, size=8 * GIB + 2 * PAGE)
    assert handoff.stub.accepted_at_once == [Range(9 * GIB, 9 * GIB + 2 * PAGE)]
    assert bitmap_ranges(handoff) == [Range(4 * GIB, 9 * GIB)]


@pytest.mark.parametrize("platform", [*CONFIDENTIAL, "plain"])
def test_zero_page(kernel: BzImage, platform: str) -> None:
    handoff = make(kernel, platform, "all")
    page, memory = zero_page(handoff), Memory(handoff)
    initrd = struct.unpack_from("<II", page, 0x218)
    assert memory.read(*initrd) == b"initrd" * 2000
    assert struct.unpack_from("<III", page, 0xC0) == (0, 0, 0)
    assert memory.read(struct.unpack_from("<I", page, 0x228)[0], 14) == b"console=ttyS0\0"
    assert struct.unpack_from("<I", page, 0x214)[0] == kernel.pref_address
    assert page[0x202:0x206] == b"HdrS"
    assert page[0x1EF] == 0, "the sentinel says that the page was not cleared"
    assert page[0x210] != 0, "a loader type of 0 is taken for an old loader without initrd"
    assert page[0x211] & 1
    rsdp = struct.unpack_from("<Q", page, 0x70)[0]
    assert rsdp == config_tables(handoff)[ACPI_GUID]
    assert memory.read(rsdp, 8) == b"RSD PTR "


def test_no_initrd(kernel: BzImage) -> None:
    handoff = make(kernel, initrd=b"")
    assert struct.unpack_from("<II", zero_page(handoff), 0x218) == (0, 0)
    assert "initrd" not in {blob.name for blob in handoff.blobs}


@pytest.mark.parametrize("platform", [*CONFIDENTIAL, "plain"])
def test_kernel_is_entered_at_its_64_bit_entry(kernel: BzImage, platform: str) -> None:
    handoff = make(kernel, platform, "all")
    assert f"entry {kernel.pref_address + 0x200:#x}\n" in map_text(handoff)
    assert Memory(handoff).read(kernel.pref_address, 0x1000) == kernel.payload[:0x1000]


def test_the_emulator_is_told_the_registers(kernel: BzImage) -> None:
    handoff = make(kernel, "tdx")
    text, state = map_text(handoff), handoff.entry
    assert f"page-table {allocation(handoff, 'page-table').start:#x}\n" in text
    assert f"boot-params {state.boot_params:#x}\n" in text
    assert f"stack {state.stack:#x}\n" in text
    assert f"gdt {state.gdt:#x} 0x20\n" in text
    stack_page = Range(state.stack - PAGE, state.stack)
    assert allocation(handoff, "gdt-and-stack").contains(stack_page)
    assert not stack_page.contains(Range(state.gdt, state.gdt + 32))


def test_snp_page_table_register_has_the_c_bit(kernel: BzImage) -> None:
    handoff = make(kernel, "snp")
    where = allocation(handoff, "page-table").start
    assert f"page-table {where | 1 << 51:#x}\n" in map_text(handoff)


def test_snp_blob_leads_to_reserved_pages_that_the_emulator_fills(kernel: BzImage) -> None:
    """semantics.md 1.9.7: magic at 0, secrets address and length at 8 and 16, CPUID at 24 and 32."""
    handoff = make(kernel, "snp")
    at = config_tables(handoff)[CC_BLOB_GUID]
    assert struct.unpack_from("<I", zero_page(handoff), 0x13C)[0] == at
    blob = struct.unpack("<IHHQIIQII", Memory(handoff).read(at, 40))
    assert blob[0] == 0x45444D41
    assert (blob[4], blob[7]) == (PAGE, PAGE)
    text = map_text(handoff)
    for keyword, address in (("secrets-page", blob[3]), ("cpuid-page", blob[6])):
        assert f"{keyword} {address:#x}\n" in text
        page = Range(address, address + PAGE)
        assert address < 4 * GIB
        assert intersect([page], file_ranges(handoff, "accepted")) == [page]
        reserved = [Range(a, a + size) for a, size, kind in e820(handoff) if kind == 2]
        assert intersect([page], reserved) == [page]
        assert not any(blob.address == address for blob in handoff.blobs)


@pytest.mark.parametrize("platform", ["tdx", "plain"])
def test_only_snp_has_a_blob(kernel: BzImage, platform: str) -> None:
    handoff = make(kernel, platform, "all")
    assert CC_BLOB_GUID not in config_tables(handoff)
    assert struct.unpack_from("<I", zero_page(handoff), 0x13C)[0] == 0
    assert "cpuid-page" not in map_text(handoff)


def test_tdx_vcpus_wait_in_memory_that_the_kernel_leaves_alone(kernel: BzImage) -> None:
    handoff = make(kernel, "tdx", vcpus=4)
    assert f"ap-entry {handoff.ap_entry:#x}\n" in map_text(handoff)
    nvs = [Range(at, at + size) for at, size, kind in e820(handoff) if kind == 4]
    for name in ("ap-loop", "mailbox", "page-table"):
        assert intersect([allocation(handoff, name)], nvs) == [allocation(handoff, name)]
    loop = Memory(handoff).read(handoff.ap_entry, 10)
    assert loop == b"\x48\xbb" + struct.pack("<Q", allocation(handoff, "mailbox").start)


@pytest.mark.parametrize("platform", ["snp", "plain"])
def test_only_tdx_has_a_mailbox(kernel: BzImage, platform: str) -> None:
    assert "ap-entry" not in map_text(make(kernel, platform, "all", vcpus=4))


@pytest.mark.parametrize(("platform", "accepted"), [("snp", False), ("tdx", True)])
def test_legacy_hole_is_memory_for_the_machine_but_not_for_the_guest(
    kernel: BzImage, platform: str, accepted: bool
) -> None:
    handoff = make(kernel, platform)
    hole = [Range(0xA0000, 0x100000)]
    assert intersect(file_ranges(handoff, "ram"), hole) == hole
    assert intersect(file_ranges(handoff, "accepted"), hole) == (hole if accepted else [])
    assert not any(at < 0x100000 and at + size > 0xA0000 for at, size, _ in e820(handoff))


def test_kernel_elsewhere(kernel: BzImage) -> None:
    handoff = make(kernel, policy="minimal", load_address=6 * GIB)
    assert handoff.entry.entry == 6 * GIB + 0x200
    where = Range(6 * GIB, 6 * GIB + kernel.init_size)
    assert intersect(file_ranges(handoff, "accepted"), [where]) == [where]
    assert Range(6 * GIB - 512 * MIB, 6 * GIB) in [
        Range(max(item.start, 6 * GIB - 512 * MIB), item.end) for item in bitmap_ranges(handoff)
    ]


def test_old_kernel_as_snp_guest_has_all_memory_accepted_by_firmware(old_kernel: BzImage) -> None:
    """semantics.md 3.1.2: firmware accepts all unless the stub asks it not to."""
    handoff = make(old_kernel, "snp")
    assert handoff.unaccepted == []
    assert 15 not in {item.kind for item in efi_map(handoff)}


def test_old_kernel_as_tdx_guest_loses_what_is_unaccepted(old_kernel: BzImage) -> None:
    """semantics.md 3.3.2: such a stub skips the descriptors."""
    handoff = make(old_kernel, "tdx")
    assert Descriptor(15, 4 * GIB, 9 * GIB) in efi_map(handoff)
    assert max(at + size for at, size, _ in e820(handoff)) == 3 * GIB
    assert UNACCEPTED_GUID not in config_tables(handoff)
    assert handoff.unaccepted == [Range(4 * GIB, 9 * GIB)]


def test_largest_guest_fits(kernel: BzImage) -> None:
    handoff = make(kernel, size=(1 << 46) - GIB)
    table = config_tables(handoff)[UNACCEPTED_GUID]
    units = ((1 << 46) - 4 * GIB) // UNIT
    header = struct.pack("<IIQQ", 1, UNIT, 4 * GIB, units // 8)
    assert Memory(handoff).read(table, 24 + units // 8) == header + b"\xff" * (units // 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"platform": "sgx"}, "platform 'sgx'"),
        ({"platform": "plain"}, "plain guest has no unaccepted memory"),
        ({"vcpus": 0}, "0 vCPUs"),
        ({"vcpus": 256}, "256 vCPUs"),
        ({"cmdline": "x" * 2048}, "exceeds 2047 bytes"),
        ({"cmdline": "a\0b"}, "NUL byte"),
        ({"virtio_slots": (3, 0)}, "virtio-mmio slot 0: use 1 to 23"),
        ({"virtio_slots": (24,)}, "virtio-mmio slot 24: use 1 to 23"),
        ({"size": 0}, "memory size is 0"),
        ({"size": 1 << 50}, "46-bit address width"),
        ({"size": 16 * MIB}, "the kernel needs RAM at 0x1000000-"),
        ({"size": 40 * MIB, "initrd": bytes(30 * MIB)}, "no room for initrd"),
        ({"load_address": 0x1100000}, "multiple of 0x200000"),
        ({"load_address": 0x200000}, "at least 0x1000000"),
        ({"load_address": 9 * GIB}, "the kernel needs RAM at"),
        ({"load_address": 512 * GIB}, "must end below"),
        ({"holes": (Range(0x1800000, 0x1801000),)}, "the kernel needs RAM at"),
        ({"holes": (Range(0x1000, 0x2000),)}, "leave no hole there"),
        (
            {
                "holes": tuple(
                    Range(5 * GIB + n * MIB, 5 * GIB + n * MIB + PAGE) for n in range(150)
                )
            },
            "e820 entries",
        ),
    ],
)
def test_requests_that_cannot_be_met_end_in_one_line(
    kernel: BzImage, change: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        make(kernel, **change)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_kernel_that_cannot_move(kernel: BzImage) -> None:
    with pytest.raises(BadInputError, match="not relocatable"):
        make(replace(kernel, relocatable=False), load_address=64 * MIB)


def test_kernel_that_has_to_stay_below_4_gib(kernel: BzImage) -> None:
    with pytest.raises(BadInputError, match="must end below 0x100000000"):
        make(replace(kernel, above_4g=False), load_address=5 * GIB)


def test_initrd_stays_below_the_kernels_limit(kernel: BzImage) -> None:
    handoff = make(kernel, size=3 * GIB)
    assert allocation(handoff, "initrd").end <= 0x80000000


def test_same_request_same_bytes(kernel: BzImage) -> None:
    assert make(kernel, "tdx", vcpus=4).blobs == make(kernel, "tdx", vcpus=4).blobs
