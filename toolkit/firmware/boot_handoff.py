# SPDX-License-Identifier: GPL-2.0-only
"""The boot handoff: memory and registers at a kernel's first instruction, as firmware and Linux's EFI stub would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware import efi, page_table
from acceptlab.toolkit.firmware.acpi import VIRTIO_SLOTS, AcpiTables, build_acpi
from acceptlab.toolkit.firmware.ap_loop import ap_loop
from acceptlab.toolkit.firmware.bzimage import ENTRY_64
from acceptlab.toolkit.firmware.cc_blob import encode_cc_blob
from acceptlab.toolkit.firmware.efi_services import FREE_MEMORY, Settings, efi_services, stub_entry
from acceptlab.toolkit.firmware.efi_types import E820Type, EfiType
from acceptlab.toolkit.firmware.layout import SHAPES, GuestRequest, Layout, lay_out
from acceptlab.toolkit.firmware.memory_map import (
    LOW_RAM,
    AcceptPolicy,
    MemoryMap,
    MemoryRequest,
    build_memory_map,
    usable_ram,
)
from acceptlab.toolkit.firmware.numa import Node
from acceptlab.toolkit.firmware.placement import Placement
from acceptlab.toolkit.firmware.reset_rom import EntryState
from acceptlab.toolkit.firmware.unaccepted_table import GUID as UNACCEPTED_GUID
from acceptlab.toolkit.firmware.unaccepted_table import StubResult, process_unaccepted
from acceptlab.toolkit.firmware.zero_page import ZeroPage, e820_of, encode_zero_page
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.ranges import Range, intersect, sized, subtract, union

MAX_VCPUS = 255
"""Local APIC ids are eight bits wide."""


@dataclass(frozen=True)
class Blob:
    """Bytes to be loaded into guest memory."""

    name: str
    address: int
    data: bytes


@dataclass(frozen=True)
class Handoff:
    """The image of memory and the registers. Addresses are guest-physical, ranges half-open."""

    platform: str
    blobs: list[Blob]
    memory_map: MemoryMap
    e820: list[tuple[Range, E820Type]]
    stub: StubResult
    entry: EntryState
    accepted: list[Range]
    """Private and accepted: by firmware, or by the EFI stub before the kernel starts."""
    legacy_hole_accepted: bool
    """Whether firmware accepted the memory that a machine has at LEGACY_HOLE, too, which is in no memory map."""
    unaccepted_table: int = 0
    unaccepted_table_size: int = 0
    """Bytes, header and bitmap."""
    cpuid_page: int = 0
    secrets_page: int = 0
    ap_entry: int = 0
    mailbox: int = 0
    kernel_knows_unaccepted: bool = True
    """False: firmware accepted all RAM (SNP), or the kernel does not use what is unaccepted (TDX)."""

    memory_slots: tuple[Range, ...] = ()
    """Where the host may plug memory while the guest runs."""
    nodes: tuple[Node, ...] = ()
    """The guest's nodes (NUMA), if there are several."""

    @property
    def unaccepted(self) -> list[Range]:
        """Return the RAM that is not accepted yet."""
        return subtract(self.memory_map.ram, self.accepted)


def build_handoff(request: GuestRequest) -> Handoff:
    """Build the boot handoff of one guest.

    Raises BadInputError, with one line that says what to change, when the request cannot be met.
    """
    _check(request)
    request = replace(request, memory=_firmware_memory(request))
    place = Placement(usable_ram(request.memory, request.platform))
    _check_low_ram(place.ram)
    at = lay_out(request, place)
    memory_map = build_memory_map(request.memory, place.ram, place.allocations)
    stub, e820 = _tell_unaccepted(request, memory_map)
    acpi = build_acpi(
        at.acpi,
        request.vcpus,
        at.mailbox,
        request.virtio_slots,
        request.memory_slots,
        request.nodes,
        request.has_memory_devices,
        request.chipset,
    )
    blobs = [
        *_boot_loader(request, at, memory_map, e820, acpi.rsdp),
        *_tables(at, stub, acpi),
        *_cpu_state(request, at),
        *_services(request, at, memory_map),
    ]
    return Handoff(
        platform=request.platform,
        blobs=blobs,
        memory_map=memory_map,
        e820=e820,
        stub=stub,
        entry=EntryState(
            entry=at.services or at.kernel + ENTRY_64,
            boot_params=at.boot_params,
            page_table=at.page_table | PLATFORMS[request.platform].private_mask,
            stack=at.stack,
            gdt=at.gdt,
            gdt_size=len(page_table.build_gdt()),
        ),
        accepted=union([*memory_map.accepted, *stub.accepted_at_once]),
        legacy_hole_accepted=PLATFORMS[request.platform].accepts_legacy_hole,
        unaccepted_table=at.unaccepted_table if stub.table else 0,
        unaccepted_table_size=len(stub.table.encode()) if stub.table else 0,
        cpuid_page=at.cpuid,
        secrets_page=at.secrets,
        ap_entry=at.ap_loop,
        mailbox=at.mailbox,
        kernel_knows_unaccepted=request.kernel.knows_unaccepted,
        memory_slots=request.memory_slots,
        nodes=request.nodes,
    )


def _check(request: GuestRequest) -> None:
    if request.platform not in PLATFORMS:
        raise BadInputError(
            f"platform '{request.platform}' is unknown; use one of {', '.join(PLATFORMS)}"
        )
    if not PLATFORMS[request.platform].is_confidential and request.memory.policy.name != "all":
        raise BadInputError(
            f"a {request.platform} guest has no unaccepted memory; use the accept policy 'all'"
        )
    if request.shape not in SHAPES:
        raise BadInputError(f"boot handoff '{request.shape}' is unknown; use {', '.join(SHAPES)}")
    if not 1 <= request.vcpus <= MAX_VCPUS:
        raise BadInputError(f"{request.vcpus} vCPUs: must be 1 to {MAX_VCPUS}")
    if len(request.cmdline.encode()) > request.kernel.cmdline_size:
        raise BadInputError(
            f"the kernel command line exceeds {request.kernel.cmdline_size} bytes; shorten it"
        )
    if lost := sorted(set(request.virtio_slots) - set(VIRTIO_SLOTS)):
        raise BadInputError(
            f"virtio-mmio slot {lost[0]}: use {VIRTIO_SLOTS[0]} to {VIRTIO_SLOTS[-1]}"
        )
    if "\0" in request.cmdline:
        raise BadInputError("the kernel command line contains a NUL byte; remove it")


def _check_low_ram(ram: Sequence[Range]) -> None:
    if intersect([LOW_RAM], ram) != [LOW_RAM]:
        raise BadInputError(f"the kernel needs RAM at {LOW_RAM}; leave no hole there")


def _firmware_memory(request: GuestRequest) -> MemoryRequest:
    """Return the request as firmware meets it.

    SNP firmware accepts everything for a kernel whose stub does not ask it to leave that (semantics.md 3.1.2); TDX firmware
    does not, and the kernel loses what is unaccepted.
    """
    asks = request.kernel.knows_unaccepted
    if PLATFORMS[request.platform].accepts_all_unless_asked and not asks:
        return replace(request.memory, policy=AcceptPolicy("all"))
    if request.shape == "stub" and request.memory.policy.name == "minimal":
        extra = max(request.memory.policy.extra, FREE_MEMORY)
        return replace(request.memory, policy=AcceptPolicy("minimal", extra))
    return request.memory


def _tell_unaccepted(
    request: GuestRequest, memory_map: MemoryMap
) -> tuple[StubResult, list[tuple[Range, E820Type]]]:
    """Return what the EFI stub did, if there was one, and the e820 map."""
    if request.shape != "table":
        return StubResult(None, []), e820_of(memory_map.pieces)
    if request.kernel.knows_unaccepted:
        stub = process_unaccepted(memory_map.of_type(EfiType.UNACCEPTED))
        return stub, e820_of(memory_map.pieces)
    return StubResult(None, []), e820_of(memory_map.pieces, ignored=frozenset({EfiType.UNACCEPTED}))


def _tables(at: Layout, stub: StubResult, acpi: AcpiTables) -> list[Blob]:
    """Return firmware's tables that a kernel finds through the EFI system table."""
    config: list[tuple[UUID, int]] = [(efi.ACPI_20_GUID, acpi.rsdp)]
    blobs = [Blob("acpi", at.acpi, acpi.data)]
    if stub.table:
        config.append((UNACCEPTED_GUID, at.unaccepted_table))
        blobs.append(Blob("unaccepted-table", at.unaccepted_table, stub.table.encode()))
    if at.cc_blob:
        config.append((efi.CC_BLOB_GUID, at.cc_blob))
        blobs.append(Blob("cc-blob", at.cc_blob, encode_cc_blob(at.secrets, at.cpuid)))
    system = efi.system_table(at.runtime_data, at.runtime_code, config)
    blobs.append(Blob("runtime-data", at.runtime_data, system.data))
    blobs.append(Blob("runtime-code", at.runtime_code, efi.runtime_code()))
    return blobs


def _cpu_state(request: GuestRequest, at: Layout) -> list[Blob]:
    """Return what the vCPUs need before they have the kernel's own tables."""
    blobs = [
        Blob(
            "page-table",
            at.page_table,
            page_table.build_page_table(at.page_table, request.platform),
        ),
        Blob("gdt", at.gdt, page_table.build_gdt()),
    ]
    if at.ap_loop:
        blobs.append(Blob("ap-loop", at.ap_loop, ap_loop(at.mailbox)))
    return blobs


def _services(request: GuestRequest, at: Layout, memory_map: MemoryMap) -> list[Blob]:
    """Return the boot services that the kernel's own EFI stub is entered with."""
    if not at.services:
        return []
    settings = Settings(
        system_table=at.runtime_data,
        stub=stub_entry(request.kernel, at.kernel),
        memory_map=at.memory_map,
        descriptors=len(memory_map.pieces),
        accepts_all_unless_asked=PLATFORMS[request.platform].accepts_all_unless_asked,
        seed=request.seed,
    )
    return [Blob("efi-services", at.services, efi_services(settings))]


def _boot_loader(
    request: GuestRequest,
    at: Layout,
    memory_map: MemoryMap,
    e820: list[tuple[Range, E820Type]],
    rsdp: int,
) -> list[Blob]:
    """Return the kernel and what its loader passes to it."""
    descriptors = efi.encode_memory_map(memory_map.pieces)
    zero_page = ZeroPage(
        kernel=request.kernel,
        load_address=at.kernel,
        cmdline=at.cmdline,
        initrd=at.initrd,
        rsdp=rsdp,
        system_table=at.runtime_data,
        memory_map=sized(at.memory_map, len(descriptors)),
        e820=e820,
        cc_blob=at.cc_blob,
    )
    blobs = [
        Blob("kernel", at.kernel, request.kernel.payload),
        Blob("memory-map", at.memory_map, descriptors),
        Blob("boot-params", at.boot_params, encode_zero_page(zero_page)),
        Blob("cmdline", at.cmdline, request.cmdline.encode() + b"\0"),
    ]
    if request.initrd:
        blobs.append(Blob("initrd", at.initrd.start, request.initrd))
    return blobs
