# SPDX-License-Identifier: GPL-2.0-only
"""ACPI tables of the emulated machine: a hardware-reduced PC as QEMU's microvm wires it, or its q35 with PCI.

Layouts: ACPI 6.5, sections 5.2.5 (RSDP), 5.2.8 (XSDT), 5.2.9 (FADT), 5.2.12 (MADT), 5.2.16 (SRAT). Addresses: QEMU include/hw/i386/microvm.h,
include/hw/acpi/generic_event_device.h and include/hw/i386/ioapic.h.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.toolkit.firmware import aml
from acceptlab.toolkit.firmware.memory_devices import memory_devices
from acceptlab.toolkit.firmware.numa import Node, srat_body
from acceptlab.toolkit.ranges import Range, round_up

SLEEP_CONTROL = 0xFEA00200
SLEEP_STATUS = 0xFEA00201
RESET_REGISTER = 0xFEA00202
RESET_VALUE = 0x42
S5_SLEEP_TYPE = 5

LOCAL_APIC = 0xFEE00000
IO_APICS = ((0, 0xFEC00000, 0), (1, 0xFEC10000, 24))
"""Id, address and first global interrupt of each: the second serves the virtio-mmio slots."""

VIRTIO_BASE = 0xFEB00000
VIRTIO_SIZE = 512
VIRTIO_FIRST_INTERRUPT = 24
VIRTIO_SLOTS = range(1, 24)
"""The machine's slots but slot 0: QEMU delivers the first interrupt of every I/O APIC at its third pin (hw/intc/ioapic.c, ioapic_set_irq),
so that interrupt 24 is lost."""

Q35_POWER = 0x600
"""I/O port of q35's power management registers, where emulator/qemu/chipset.c puts them."""
Q35_PCI_MEMORY = (0xE0000000, 0xFEBFFFFF)
"""Where Linux may place what PCI devices have of memory: above all RAM below 4 GiB, below the I/O APIC."""


@dataclass(frozen=True)
class Chipset:
    """What the machines do not have alike: generic address structures (ACPI 6.5, 5.2.3.2), a value, a sleep type, I/O APICs."""

    sleep_control: tuple[int, int]
    sleep_status: tuple[int, int]
    reset: tuple[int, int]
    reset_value: int
    sleep_type: int
    io_apics: tuple[tuple[int, int, int], ...]
    has_pci: bool


_MEMORY, _PORT = 0, 1
"""Address spaces of a generic address structure."""
MICROVM = Chipset(
    (_MEMORY, SLEEP_CONTROL), (_MEMORY, SLEEP_STATUS), (_MEMORY, RESET_REGISTER), RESET_VALUE, S5_SLEEP_TYPE, IO_APICS, False,
)  # fmt: skip
Q35 = Chipset(
    (_PORT, Q35_POWER + 5), (_PORT, 0x80), (_PORT, 0xCF9), 6, 0, IO_APICS[:1], True,
)  # fmt: skip
"""The sleep control register is the high byte of PM1_CNT, which has its fields where that one has them; nothing is behind port 0x80 (POST
codes). Reset control and sleep type: Intel ICH9 datasheet, 13.7.5 and 13.8.3.3; QEMU hw/acpi/core.c."""

_FADT_RESET_SUPPORTED = 1 << 10
_FADT_APIC_PHYSICAL = 1 << 19
_FADT_HARDWARE_REDUCED = 1 << 20
_BOOT_ARCH_NO_VGA = 1 << 2
_OEM_ID = b"ACCLAB"
_OEM_TABLE = b"GUEST   "


@dataclass(frozen=True)
class AcpiTables:
    """All tables as one block; ``data`` is to be loaded at the address that it was made for."""

    data: bytes
    rsdp: int
    offsets: dict[str, int]
    """Offset in ``data`` of each table, by signature."""


def build_acpi(
    base: int,
    vcpus: int,
    mailbox: int,
    virtio_slots: Sequence[int] = (),
    memory_slots: Sequence[Range] = (),
    nodes: Sequence[Node] = (),
    has_memory_devices: bool = True,
    chipset: Chipset = MICROVM,
) -> AcpiTables:
    """Build all tables for loading at ``base``.

    ``mailbox`` is the address of the multiprocessor wakeup mailbox that TDX guests start their vCPUs with, or 0.
    ``virtio_slots`` are the virtio-mmio slots (VIRTIO_SLOTS) that have a device, ``memory_slots`` where memory may be plugged;
    ``nodes`` are those of a guest that has several. ``chipset`` is that of the machine. ``has_memory_devices`` says whether the DSDT declares the memory slots.
    """
    devices = memory_slots if has_memory_devices else ()
    data = bytearray(64)  # the RSDP comes first
    offsets: dict[str, int] = {"RSD PTR ": 0}

    def add(table: bytes) -> int:
        data.extend(bytes(round_up(len(data), 64) - len(data)))
        offset = len(data)
        offsets[table[:4].decode()] = offset
        data.extend(table)
        return base + offset

    dsdt = add(
        _table(b"DSDT", 2, _dsdt(chipset, virtio_slots, devices, len(nodes) - 1 if nodes else None))
    )
    fadt = add(_table(b"FACP", 6, _fadt(dsdt, chipset)))
    madt = add(_table(b"APIC", 5, _madt(vcpus, mailbox, chipset)))
    listed = [fadt, madt]
    if nodes:
        listed.append(add(_table(b"SRAT", 3, srat_body(nodes, vcpus, memory_slots))))
    xsdt = add(_table(b"XSDT", 1, struct.pack(f"<{len(listed)}Q", *listed)))
    data[0:36] = _rsdp(xsdt)
    return AcpiTables(bytes(data), base, offsets)


def _checksum(data: bytes | bytearray) -> int:
    return -sum(data) & 0xFF


def _table(signature: bytes, revision: int, body: bytes) -> bytes:
    table = bytearray(
        struct.pack(
            "<4sIBB6s8sI4sI",
            signature,
            36 + len(body),
            revision,
            0,
            _OEM_ID,
            _OEM_TABLE,
            1,
            b"ALAB",
            1,
        )
        + body
    )
    table[9] = _checksum(table)
    return bytes(table)


def _rsdp(xsdt: int) -> bytes:
    rsdp = bytearray(struct.pack("<8sB6sBIIQB3x", b"RSD PTR ", 0, _OEM_ID, 2, 0, 36, xsdt, 0))
    rsdp[8] = _checksum(rsdp[:20])
    rsdp[32] = _checksum(rsdp)
    return bytes(rsdp)


def _register(space: int, address: int) -> bytes:
    """Return a generic address structure: one byte of an address space."""
    return struct.pack("<BBBBQ", space, 8, 0, 1, address)


def _fadt(dsdt: int, chipset: Chipset) -> bytes:
    body = bytearray(276 - 36)

    def put(
        offset: int, value: bytes
    ) -> None:  # offsets as the specification counts them, from the table's start
        body[offset - 36 : offset - 36 + len(value)] = value

    put(40, struct.pack("<I", dsdt))
    put(109, struct.pack("<H", _BOOT_ARCH_NO_VGA))
    put(
        112, struct.pack("<I", _FADT_RESET_SUPPORTED | _FADT_APIC_PHYSICAL | _FADT_HARDWARE_REDUCED)
    )
    put(116, _register(*chipset.reset))
    put(128, bytes([chipset.reset_value]))
    put(131, bytes([5]))  # minor version: ACPI 6.5
    put(140, struct.pack("<Q", dsdt))
    put(244, _register(*chipset.sleep_control))
    put(256, _register(*chipset.sleep_status))
    return bytes(body)


def _madt(vcpus: int, mailbox: int, chipset: Chipset) -> bytes:
    parts = [struct.pack("<II", LOCAL_APIC, 1)]
    parts += [struct.pack("<BBBBI", 0, 8, index, index, 1) for index in range(vcpus)]
    parts += [
        struct.pack("<BBBBII", 1, 12, number, 0, at, first)
        for number, at, first in chipset.io_apics
    ]
    parts.append(struct.pack("<BBBHB", 4, 6, 0xFF, 0, 1))  # NMI: LINT1 of every local APIC
    if mailbox:
        parts.append(struct.pack("<BBHIQ", 16, 16, 0, 0, mailbox))
    return b"".join(parts)


def _dsdt(
    chipset: Chipset, virtio_slots: Sequence[int], memory_slots: Sequence[Range], node: int | None
) -> bytes:
    com1 = aml.device(
        "COM1",
        aml.name("_HID", aml.eisa_id("PNP0501")),
        aml.name("_UID", aml.integer(1)),
        aml.name("_STA", aml.integer(0xF)),
        aml.name("_CRS", aml.resources(aml.io_ports(0x3F8, 8), aml.irq(4))),
    )
    slots = [_virtio_device(slot) for slot in virtio_slots]
    sleep = aml.package(*(aml.integer(value) for value in (chipset.sleep_type, 0, 0, 0)))
    bridge = _pci_bridge() if chipset.has_pci else b""
    return aml.scope("\\_SB_", com1, *slots, bridge, memory_devices(memory_slots, node)) + aml.name(
        "_S5_", sleep
    )


def _pci_bridge() -> bytes:
    """Return the host bridge of q35 (PCI Firmware Specification 3.3, 4.1): interrupts are messages (MSI-X), so that it routes none."""
    resources = aml.resources(
        aml.window16(aml.WINDOW_BUS, 0, 0xFF),
        aml.io_ports(0xCF8, 8),
        aml.window16(aml.WINDOW_IO, 0x1000, 0xFFFF),
        aml.window32(*Q35_PCI_MEMORY),
    )
    return aml.device(
        "PCI0",
        aml.name("_HID", aml.eisa_id("PNP0A08")),
        aml.name("_CID", aml.eisa_id("PNP0A03")),
        aml.name("_UID", aml.integer(0)),
        aml.name("_BBN", aml.integer(0)),
        aml.name("_CRS", resources),
    )


def _virtio_device(slot: int) -> bytes:
    where = aml.memory32(VIRTIO_BASE + slot * VIRTIO_SIZE, VIRTIO_SIZE)
    return aml.device(
        f"VR{slot:02d}",
        aml.name("_HID", aml.string("LNRO0005")),
        aml.name("_UID", aml.integer(slot)),
        aml.name("_CCA", aml.integer(1)),
        aml.name("_CRS", aml.resources(where, aml.interrupt(VIRTIO_FIRST_INTERRUPT + slot))),
    )
