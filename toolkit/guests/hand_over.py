# SPDX-License-Identifier: GPL-2.0-only
"""The hand-over: memory and registers at a kernel's first instruction, as firmware and Linux's EFI stub would leave them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from uuid import UUID

from toolkit.errors import BadInputError
from toolkit.guests import efi, page_table
from toolkit.guests.acpi import AcpiTables, build_acpi
from toolkit.guests.ap_loop import ap_loop
from toolkit.guests.bzimage import ENTRY_64, BzImage
from toolkit.guests.cc_blob import encode_cc_blob
from toolkit.guests.efi_types import E820Type, EfiType
from toolkit.guests.memory_map import (
    LOW_RAM,
    MemoryMap,
    MemoryRequest,
    build_memory_map,
    usable_ram,
)
from toolkit.guests.placement import Placement, place_kernel
from toolkit.guests.ranges import PAGE, Range, intersect, sized, subtract, union
from toolkit.guests.reset_rom import EntryState
from toolkit.guests.unaccepted import GUID as UNACCEPTED_GUID
from toolkit.guests.unaccepted import StubResult, process_unaccepted, table_size
from toolkit.guests.zero_page import ZeroPage, e820_of, encode_zero_page

PLATFORMS = ("snp", "tdx", "plain")
"""``plain`` is a guest without confidential computing: the ordinary peer, and a test of our tables on any QEMU."""

MAX_VCPUS = 255
"""Local APIC ids are eight bits wide."""


@dataclass(frozen=True)
class GuestRequest:
    """All that a hand-over is made from."""

    platform: str
    kernel: BzImage
    initrd: bytes
    cmdline: str
    memory: MemoryRequest
    vcpus: int = 1
    load_address: int | None = None
    """Where the kernel is loaded; None for where it prefers to be."""
    virtio_slots: tuple[int, ...] = ()
    """The machine's virtio-mmio slots (0-23) that have a device, for the DSDT."""


@dataclass(frozen=True)
class Blob:
    """Bytes to be loaded into guest memory."""

    name: str
    address: int
    data: bytes


@dataclass(frozen=True)
class HandOver:
    """The image of memory and the registers. Addresses are guest-physical, ranges half-open."""

    platform: str
    blobs: list[Blob]
    memory_map: MemoryMap
    e820: list[tuple[Range, E820Type]]
    stub: StubResult
    entry: EntryState
    accepted: list[Range]
    """Private and accepted: by firmware, or by the EFI stub before the kernel starts."""
    unaccepted_table: int = 0
    cpuid_page: int = 0
    secrets_page: int = 0
    ap_entry: int = 0
    acpi: AcpiTables | None = field(default=None, repr=False)

    @property
    def unaccepted(self) -> list[Range]:
        """Return the RAM that nobody has accepted yet."""
        return subtract(self.memory_map.ram, self.accepted)


def build_hand_over(request: GuestRequest) -> HandOver:
    """Build the hand-over of one guest.

    Raises BadInputError, with one line that says what to change, when the request cannot be met.
    """
    _check(request)
    return _Builder(request).build()


def _check(request: GuestRequest) -> None:
    if request.platform not in PLATFORMS:
        raise BadInputError(f"platform '{request.platform}' is unknown; use one of {', '.join(PLATFORMS)}")
    if request.platform == "plain" and request.memory.policy.name != "all":
        raise BadInputError("a plain guest has no unaccepted memory; use the accept policy 'all'")
    if not 1 <= request.vcpus <= MAX_VCPUS:
        raise BadInputError(f"{request.vcpus} vCPUs: give 1 to {MAX_VCPUS}")
    if len(request.cmdline.encode()) > request.kernel.cmdline_size:
        raise BadInputError(f"the kernel command line is longer than {request.kernel.cmdline_size} bytes; shorten it")
    if "\0" in request.cmdline:
        raise BadInputError("the kernel command line has a zero byte in it; remove it")


class _Builder:
    """Places everything first, so that the memory map is known, and then writes it."""

    def __init__(self, request: GuestRequest) -> None:
        self.request = request
        self.ram = usable_ram(request.memory, request.platform)
        self.place = Placement(self.ram)
        self.blobs: list[Blob] = []

    def build(self) -> HandOver:
        request, snp, tdx = self.request, self.request.platform == "snp", self.request.platform == "tdx"
        kernel = place_kernel(request.kernel, request.load_address, self.ram)
        self._check_low_ram()
        self.place.put("kernel", kernel, EfiType.LOADER_CODE)
        self._add("kernel", kernel.start, request.kernel.payload)

        allocate = self.place.allocate
        runtime_code = allocate("runtime-code", PAGE, EfiType.RUNTIME_CODE)
        runtime_data = allocate("runtime-data", PAGE, EfiType.RUNTIME_DATA)
        # The page tables stay in use until every vCPU has left firmware's loop: not for the kernel to overwrite.
        tables = allocate("page-table", page_table.PAGES * PAGE, EfiType.ACPI_NVS)
        mailbox = allocate("mailbox", PAGE, EfiType.ACPI_NVS) if tdx else None
        ap_entry = allocate("ap-loop", PAGE, EfiType.ACPI_NVS) if tdx else 0
        secrets = allocate("secrets-page", PAGE, EfiType.RESERVED) if snp else 0
        cpuid = allocate("cpuid-page", PAGE, EfiType.RESERVED) if snp else 0
        cc_blob = allocate("cc-blob", PAGE, EfiType.RESERVED) if snp else 0
        acpi_size = len(build_acpi(0, request.vcpus, mailbox, request.virtio_slots).data)
        acpi_base = allocate("acpi", acpi_size, EfiType.ACPI_RECLAIM)
        unaccepted = allocate("unaccepted-table", table_size(self.ram[-1].end), EfiType.ACPI_RECLAIM)
        memmap = allocate("memory-map", self._memory_map_size(), EfiType.LOADER_DATA)
        boot_params = allocate("boot-params", PAGE, EfiType.LOADER_DATA)
        cmdline = allocate("cmdline", len(request.cmdline.encode()) + 1, EfiType.LOADER_DATA)
        gdt_and_stack = allocate("gdt-and-stack", 2 * PAGE, EfiType.LOADER_DATA)
        initrd = self._place_initrd()

        memory_map = build_memory_map(request.memory, self.ram, self.place.allocations)
        stub = process_unaccepted(memory_map.of_type(EfiType.UNACCEPTED))
        e820 = e820_of(memory_map.pieces)
        acpi = build_acpi(acpi_base, request.vcpus, mailbox, request.virtio_slots)
        config: list[tuple[UUID, int]] = [(efi.ACPI_20_GUID, acpi.rsdp)]
        if stub.table:
            config.append((UNACCEPTED_GUID, unaccepted))
            self._add("unaccepted-table", unaccepted, stub.table.encode())
        if snp:
            config.append((efi.CC_BLOB_GUID, cc_blob))
            self._add("cc-blob", cc_blob, encode_cc_blob(secrets, cpuid))
        if mailbox is not None:
            self._add("ap-loop", ap_entry, ap_loop(mailbox))
        system = efi.system_table(runtime_data, runtime_code, config)
        descriptors = efi.encode_memory_map(memory_map.pieces)
        gdt = page_table.build_gdt()
        zero_page = ZeroPage(
            kernel=request.kernel,
            load_address=kernel.start,
            cmdline=cmdline,
            initrd=initrd,
            rsdp=acpi.rsdp,
            system_table=system.address,
            memory_map=sized(memmap, len(descriptors)),
            e820=e820,
            cc_blob=cc_blob,
        )
        self._add("runtime-code", runtime_code, efi.runtime_code())
        self._add("runtime-data", runtime_data, system.data)
        self._add("page-table", tables, page_table.build_page_table(tables, request.platform))
        self._add("acpi", acpi_base, acpi.data)
        self._add("memory-map", memmap, descriptors)
        self._add("boot-params", boot_params, encode_zero_page(zero_page))
        self._add("cmdline", cmdline, request.cmdline.encode() + b"\0")
        self._add("gdt", gdt_and_stack, gdt)
        return HandOver(
            platform=request.platform,
            blobs=self.blobs,
            memory_map=memory_map,
            e820=e820,
            stub=stub,
            entry=EntryState(
                entry=kernel.start + ENTRY_64,
                boot_params=boot_params,
                page_table=tables | page_table.private_mask(request.platform),
                stack=gdt_and_stack + 2 * PAGE,
                gdt=gdt_and_stack,
                gdt_size=len(gdt),
            ),
            accepted=union([*memory_map.accepted, *stub.accepted_at_once]),
            unaccepted_table=unaccepted if stub.table else 0,
            cpuid_page=cpuid,
            secrets_page=secrets,
            ap_entry=ap_entry,
            acpi=acpi,
        )

    def _add(self, name: str, address: int, data: bytes) -> None:
        self.blobs.append(Blob(name, address, data))

    def _check_low_ram(self) -> None:
        if intersect([LOW_RAM], self.ram) != [LOW_RAM]:
            raise BadInputError(f"the kernel needs {LOW_RAM}, which is not all RAM; leave no hole there")

    def _memory_map_size(self) -> int:
        """Return an upper bound: every allocation, hole and accepted range splits at most one piece in three."""
        memory = self.request.memory
        edges = len(self.ram) + len(self.place.allocations) + len(memory.holes) + len(memory.accepted)
        return efi.DESCRIPTOR.size * (2 * edges + 32)

    def _place_initrd(self) -> Range:
        if not self.request.initrd:
            return Range(0, 0)
        size = len(self.request.initrd)
        below = self.request.kernel.initrd_addr_max + 1
        start = self.place.allocate("initrd", size, EfiType.LOADER_DATA, below=below)
        self._add("initrd", start, self.request.initrd)
        return sized(start, size)
