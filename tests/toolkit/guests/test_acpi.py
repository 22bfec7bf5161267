# SPDX-License-Identifier: GPL-2.0-only
"""ACPI tables, followed from the RSDP and read back by the offsets of the ACPI specification."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

import pytest

from acceptlab.toolkit.firmware import aml
from acceptlab.toolkit.firmware.acpi import Q35, Q35_POWER, build_acpi
from acceptlab.toolkit.places import CHECKOUT

BASE = 0x7FFF2000
MAILBOX = 0x7FFF8000


class Subtable(NamedTuple):
    kind: int
    data: bytes


def table(data: bytes, address: int) -> bytes:
    at = address - BASE
    return data[at : at + struct.unpack_from("<I", data, at + 4)[0]]


def tables(data: bytes, rsdp: int) -> dict[str, bytes]:
    """Return all tables by signature, each with its checksum verified."""
    root = data[rsdp - BASE : rsdp - BASE + 36]
    assert root[:8] == b"RSD PTR "
    assert sum(root[:20]) % 256 == 0
    assert sum(root) % 256 == 0
    xsdt = table(data, struct.unpack_from("<Q", root, 24)[0])
    found = {"XSDT": xsdt}
    for (address,) in struct.iter_unpack("<Q", xsdt[36:]):
        one = table(data, address)
        found[one[:4].decode()] = one
    found["DSDT"] = table(data, struct.unpack_from("<Q", found["FACP"], 140)[0])
    for one in found.values():
        assert sum(one) % 256 == 0
    return found


def made(vcpus: int = 1, mailbox: int = 0, slots: tuple[int, ...] = ()) -> dict[str, bytes]:
    built = build_acpi(BASE, vcpus, mailbox, slots)
    return tables(built.data, built.rsdp)


def subtables(madt: bytes) -> list[Subtable]:
    found, at = [], 44
    while at < len(madt):
        kind, length = madt[at], madt[at + 1]
        assert length >= 2
        found.append(Subtable(kind, madt[at : at + length]))
        at += length
    assert at == len(madt)
    return found


def test_fadt_is_hardware_reduced_with_physical_apic_mode_and_a_reset_register() -> None:
    fadt = made()["FACP"]
    assert struct.unpack_from("<I", fadt, 112)[0] == 1 << 10 | 1 << 19 | 1 << 20


def test_fadt_registers_are_those_of_the_machine() -> None:
    fadt = made()["FACP"]
    for at, address in ((116, 0xFEA00202), (244, 0xFEA00200), (256, 0xFEA00201)):
        assert struct.unpack_from("<BBBBQ", fadt, at) == (0, 8, 0, 1, address)
    assert fadt[128] == 0x42


def test_fadt_has_the_length_of_its_revision_and_both_pointers_agree() -> None:
    fadt = made()["FACP"]
    assert (len(fadt), fadt[8]) == (276, 6)
    assert struct.unpack_from("<I", fadt, 40)[0] == struct.unpack_from("<Q", fadt, 140)[0]


@pytest.mark.parametrize("vcpus", [1, 4, 16, 255])
def test_madt_lists_every_vcpu_with_its_apic_id(vcpus: int) -> None:
    found = [item.data for item in subtables(made(vcpus)["APIC"]) if item.kind == 0]
    assert [tuple(item[2:4]) for item in found] == [(index, index) for index in range(vcpus)]
    assert {item[4] for item in found} == {1}


def test_madt_io_apics() -> None:
    found = [item.data for item in subtables(made()["APIC"]) if item.kind == 1]
    assert [struct.unpack_from("<BxII", item, 2) for item in found] == [
        (0, 0xFEC00000, 0),
        (1, 0xFEC10000, 24),
    ]


def test_madt_mailbox() -> None:
    found = [item.data for item in subtables(made(4, MAILBOX)["APIC"]) if item.kind == 16]
    assert [struct.unpack("<BBHIQ", item) for item in found] == [(16, 16, 0, 0, MAILBOX)]


def test_madt_without_mailbox() -> None:
    assert 16 not in {item.kind for item in subtables(made(4)["APIC"])}


def test_mailbox_and_slots_decide_the_size_but_the_base_does_not() -> None:
    assert len(build_acpi(0, 4, MAILBOX, (1,)).data) == len(build_acpi(BASE, 4, 1, (2,)).data)


def test_dsdt_has_com1_and_s5() -> None:
    """The bytes that iasl disassembles to Device (COM1), PNP0501, ports 0x3f8-0x3ff, IRQ 4, and _S5 = {5, 0, 0, 0}."""
    body = made()["DSDT"][36:]
    assert body.hex() == (
        "103a5c5f53425f"
        "5b8232434f4d31"
        "085f4849440c41d00501"
        "085f55494401"
        "085f5354410a0f"
        "085f435253" "1110" "0a0d" "4701f803f8030108" "221000" "7900"
        "085f53355f" "1207" "04" "0a05" "00" "00" "00"
    )  # fmt: skip


def test_dsdt_virtio_slot() -> None:
    body = made(slots=(3,))["DSDT"]
    assert b"VR03" in body
    assert b"LNRO0005\0" in body
    assert struct.pack("<BHBII", 0x86, 9, 1, 0xFEB00600, 512) in body
    assert struct.pack("<BHBBI", 0x89, 6, 1, 1, 27) in body


@pytest.mark.parametrize("size", [1, 62, 63, 64, 4092, 4093, 4094, 70000])
def test_package_length_counts_itself(size: int) -> None:
    encoded = aml.scope("\\", bytes(size - 1))[1:]
    extra = encoded[0] >> 6
    low = encoded[0] & (0xF if extra else 0x3F)
    length = low | int.from_bytes(encoded[1 : 1 + extra], "little") << 4
    assert length == len(encoded)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (1, "01"), (2, "0a02"), (255, "0aff"), (256, "0b0001"), (1 << 16, "0c00000100")],
)
def test_integers(value: int, encoded: str) -> None:
    assert aml.integer(value).hex() == encoded


def test_q35_has_pci_one_io_apic_and_power_management_by_ports() -> None:
    new, plain = build_acpi(0, 1, 0, chipset=Q35), build_acpi(0, 1, 0)
    assert b"PCI0" in new.data
    assert b"PCI0" not in plain.data
    madts = [
        one.data[one.offsets["APIC"] :][44:200] for one in (new, plain)
    ]  # a local APIC has 8 bytes
    assert [one[8:10] for one in madts] == [b"\x01\x0c"] * 2
    assert [one[20:22] == b"\x01\x0c" for one in madts] == [False, True]
    fadt = new.offsets["FACP"]
    for offset, port in ((116, 0xCF9), (244, 0x605), (256, 0x80)):
        at = fadt + offset
        assert new.data[at : at + 12] == struct.pack("<BBBBQ", 1, 8, 0, 1, port)


def test_the_emulator_puts_power_management_where_the_tables_say() -> None:
    header = (CHECKOUT / "emulator" / "qemu" / "chipset.h").read_text()
    assert int(re.findall(r"#define CHIPSET_PM (0x\w+)", header)[0], 16) == Q35_POWER
