# SPDX-License-Identifier: GPL-2.0-only
"""Whole boot handoffs, read back from their blobs by the way a kernel goes: from the zero page on."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.boot_handoff import build_handoff
from acceptlab.toolkit.firmware.bzimage import BzImage
from acceptlab.toolkit.firmware.handoff_files import map_text
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.firmware.memory_map import MemoryRequest
from acceptlab.toolkit.ranges import GIB, MIB, Range, intersect, subtract, total, union
from tests.examples import examples
from tests.toolkit.guests.handoff_views import (
    ACPI_GUID,
    CC_BLOB_GUID,
    CONFIDENTIAL,
    E820_OF_EFI,
    PAGE,
    UNACCEPTED_GUID,
    UNIT,
    Descriptor,
    Memory,
    allocation,
    bitmap_ranges,
    config_tables,
    e820,
    efi_map,
    file_ranges,
    make,
    memories,
    zero_page,
)

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
