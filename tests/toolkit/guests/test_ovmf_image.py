# SPDX-License-Identifier: GPL-2.0-only
"""Images of OVMF made by hand: the table of GUIDs, both kinds of metadata, and the launch state that a host makes of them."""

from __future__ import annotations

import struct
from pathlib import Path
from uuid import UUID

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.efi_stub import EfiStub, read_efi_stub
from acceptlab.toolkit.firmware.firmware_launch import build_launch, launch_text, q35_ram
from acceptlab.toolkit.firmware.ovmf_image import OvmfImage, SevSection, TdxSection, parse_image
from acceptlab.toolkit.firmware.td_hob import encode_td_hob
from acceptlab.toolkit.ranges import GIB, MIB, Range

SIZE = 2 * MIB
FOOTER = UUID("96b582de-1fb2-45f7-baea-a366c55a082d")
SEV = UUID("dc886566-984a-4798-a75e-5585a7bf67cc")
TDX = UUID("e47a6535-984a-4798-865e-4685a7bf8ec2")
HASHES = UUID("7255371f-3a3b-4b04-927b-1da6efa8d454")
OTHER = UUID("4c2eb361-7d9b-4cc3-8081-127c90d3d294")
SEV_AT, TDX_AT = 0x2000, 0x1000
"""Where the metadata lie, from the image's end."""
SEV_SECTIONS = [
    (0x800000, 0x9000, SevSection.MEMORY),
    (0x80A000, 0x3000, SevSection.MEMORY),
    (0x80D000, 0x1000, SevSection.SECRETS),
    (0x80E000, 0x1000, SevSection.CPUID),
    (0, 0, SevSection.SVSM_CALLING_AREA),
]
TDX_SECTIONS = [
    (4 * GIB - SIZE, SIZE, TdxSection.BOOT_VOLUME),
    (0x800000, 0x6000, TdxSection.TEMPORARY_MEMORY),
    (0x809000, 0x2000, TdxSection.TD_HOB),
]


def image(
    entries: list[tuple[UUID, bytes]] | None = None,
    sev_signature: bytes = b"ASEV",
    sections: int | None = None,
    table_size: int | None = None,
) -> bytes:
    if entries is None:
        entries = [
            (OTHER, bytes(8)),
            (SEV, struct.pack("<I", SEV_AT)),
            (TDX, struct.pack("<I", TDX_AT)),
            (HASHES, struct.pack("<II", 0x810C00, 0x400)),
        ]
    table = b"".join(
        body + struct.pack("<H", len(body) + 18) + guid.bytes_le for guid, body in entries
    )
    size = len(table) + 18 if table_size is None else table_size
    table += struct.pack("<H", size) + FOOTER.bytes_le
    data = bytearray(SIZE)
    data[SIZE - 32 - len(table) : SIZE - 32] = table
    count = len(SEV_SECTIONS) if sections is None else sections
    sev = struct.pack("<4sIII", sev_signature, 0, 1, count)
    sev += b"".join(struct.pack("<III", *one) for one in SEV_SECTIONS)
    data[SIZE - SEV_AT : SIZE - SEV_AT + len(sev)] = sev
    tdx = struct.pack("<4sIII", b"TDVF", 0, 1, len(TDX_SECTIONS))
    tdx += b"".join(struct.pack("<IIQQII", 0, 0, *one, 0) for one in TDX_SECTIONS)
    data[SIZE - TDX_AT : SIZE - TDX_AT + len(tdx)] = tdx
    return bytes(data)


def parsed(data: bytes | None = None) -> OvmfImage:
    return parse_image(image() if data is None else data, Path("OVMF.fd"))


def test_sections_of_both_platforms() -> None:
    found = parsed()
    assert [(one.range.start, one.range.size, one.type) for one in found.sev] == SEV_SECTIONS[:4]
    assert [(one.range.start, one.range.size, one.type) for one in found.tdx] == TDX_SECTIONS
    assert found.hash_table == Range(0x810C00, 0x811000)
    assert found.range == Range(4 * GIB - SIZE, 4 * GIB)


def test_image_without_metadata_of_a_platform() -> None:
    found = parsed(image([(TDX, struct.pack("<I", TDX_AT))]))
    assert (found.sev, found.hash_table) == ((), None)
    with pytest.raises(BadInputError, match="no metadata for SEV-SNP"):
        build_launch(found, "snp", 4 * GIB, None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not the size"),
        (bytes(SIZE - 1), "not the size"),
        (bytes(SIZE), "no table of GUIDs"),
        (image(table_size=10), "table of GUIDs exceeds"),
        (image(table_size=40), "entry of the table"),
        (image([(SEV, struct.pack("<I", SIZE + 4))]), "lie outside"),
        (image([(SEV, b"")]), "lie outside"),
        (image(sev_signature=b"TDVF"), "no ASEV metadata"),
        (image(sections=1000), "no ASEV metadata"),
    ],
)
def test_damaged_image_is_one_line(data: bytes, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as error:
        parsed(data)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [
        (2 * GIB, 2 * GIB, 0),
        (0xB0000000 - 4096, 0xB0000000 - 4096, 0),
        (0xB0000000, 2 * GIB, 0xB0000000 - 2 * GIB),
        (16 * GIB, 2 * GIB, 14 * GIB),
    ],
)
def test_memory_of_a_q35_machine(size: int, low: int, high: int) -> None:
    ram = q35_ram(size)
    assert ram[0] == Range(0, low)
    assert ram[1:] == ([Range(4 * GIB, 4 * GIB + high)] if high else [])


def lines(platform: str, stub: EfiStub | None = None) -> list[str]:
    return launch_text(build_launch(parsed(), platform, 4 * GIB, stub)).splitlines()


def test_launch_of_an_snp_guest() -> None:
    text = lines("snp")
    assert "firmware 0xffe00000 0x200000" in text
    assert "ram 0x0 0xa0000" in text
    assert "accepted 0x800000 0x9000" in text
    assert "accepted 0xffe00000 0x200000" in text
    assert "shared 0x809000 0x1000" in text
    assert {"secrets-page 0x80d000", "cpuid-page 0x80e000"} <= set(text)
    assert not any(line.startswith("td-hob") for line in text)


def test_launch_of_a_td() -> None:
    text = lines("tdx")
    assert "ram 0x0 0x80000000" in text  # the legacy hole included: it is in the TD HOB
    assert "accepted 0x809000 0x2000" in text
    assert "td-hob 0x809000" in text
    assert not any(line.startswith(("shared", "secrets", "cpuid")) for line in text)


def test_too_little_memory() -> None:
    with pytest.raises(BadInputError, match="too little"):
        build_launch(parsed(), "snp", 8 * MIB, None)


def hobs(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        kind, length, _ = struct.unpack_from("<HHI", data, at)
        found.append((kind, data[at + 8 : at + length]))
        at += length
    return found


def test_td_hob_lists_all_ram_but_the_image() -> None:
    launch = build_launch(parsed(), "tdx", 4 * GIB, None)
    listed = hobs(launch.hob)
    assert [kind for kind, _ in (listed[0], listed[-1])] == [1, 0xFFFF]
    resources = [struct.unpack("<16sIIQQ", body) for kind, body in listed if kind == 3]
    covered = sorted((start, start + size, kind) for _, kind, _, start, size in resources)
    assert covered == [
        (0, 0x800000, 7),
        (0x800000, 0x806000, 0),
        (0x806000, 0x809000, 7),
        (0x809000, 0x80B000, 0),
        (0x80B000, 2 * GIB, 7),
        (4 * GIB, 6 * GIB, 7),
    ]
    (end,) = struct.unpack_from("<Q", launch.hob, 48)
    assert end == 0x809000 + len(launch.hob)


def test_td_hob_of_nothing_ends_all_the_same() -> None:
    assert [kind for kind, _ in hobs(encode_td_hob(0x1000, [], []))] == [1, 0xFFFF]


def stub_file(path: Path, entry: int = 0x1FC0, machine: int = 0x8664) -> Path:
    data = bytearray(0x4000)
    data[:2] = b"MZ"
    struct.pack_into("<I", data, 0x3C, 0x80)
    data[0x80:0x84] = b"PE\0\0"
    struct.pack_into("<HH", data, 0x84, machine, 1)
    struct.pack_into("<H", data, 0x94, 0xA0)
    struct.pack_into("<I", data, 0x80 + 40, entry)
    struct.pack_into("<I", data, 0x80 + 80, 0x8000)
    struct.pack_into("<8sIIII", data, 0x80 + 24 + 0xA0, b".text", 0x3000, 0x1000, 0x3000, 0x400)
    data[0x400:0x3400] = bytes(index % 251 for index in range(0x3000))
    path.write_bytes(data)
    return path


def test_entry_of_the_efi_stub(tmp_path: Path) -> None:
    stub = read_efi_stub(stub_file(tmp_path / "kernel"))
    assert (stub.size, stub.entry) == (0x8000, 0x1FC0)
    assert stub.code == bytes(index % 251 for index in range(0xFC0, 0x1000))
    text = lines("snp", stub)
    assert {"kernel-size 0x8000", "kernel-entry 0x1fc0"} <= set(text)
    words = [int(line.split()[1], 16) for line in text if line.startswith("kernel-code")]
    assert b"".join(word.to_bytes(8, "little") for word in words) == stub.code


def test_code_ends_with_its_page(tmp_path: Path) -> None:
    stub = read_efi_stub(stub_file(tmp_path / "kernel", entry=0x1FF1))
    assert len(stub.code) == 8


@pytest.mark.parametrize(
    ("change", "words"), [({"machine": 0x14C}, "not for x86-64"), ({}, "no EFI stub")]
)
def test_kernel_that_firmware_cannot_start(
    tmp_path: Path, change: dict[str, int], words: str
) -> None:
    path = stub_file(tmp_path / "kernel", **change)
    if not change:
        path.write_bytes(bytes(0x4000))
    with pytest.raises(BadInputError, match=words):
        read_efi_stub(path)
