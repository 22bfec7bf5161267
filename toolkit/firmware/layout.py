# SPDX-License-Identifier: GPL-2.0-only
"""What a boot handoff is made from, and where everything lies in the guest's memory then."""

from __future__ import annotations

from dataclasses import dataclass

from acceptlab.toolkit.firmware import efi, page_table
from acceptlab.toolkit.firmware.acpi import MICROVM, Chipset, build_acpi
from acceptlab.toolkit.firmware.bzimage import BzImage
from acceptlab.toolkit.firmware.cc_blob import CC_BLOB_SIZE
from acceptlab.toolkit.firmware.efi_services import SERVICES, SPARE_DESCRIPTORS, STACK
from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.memory_map import MemoryRequest, build_memory_map
from acceptlab.toolkit.firmware.numa import Node
from acceptlab.toolkit.firmware.placement import Placement, place_kernel
from acceptlab.toolkit.firmware.pool import Pools
from acceptlab.toolkit.firmware.unaccepted_table import process_unaccepted
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.ranges import PAGE, Range, sized

SHAPES = ("table", "memory-map", "stub")
"""How the kernel learns what is unaccepted: from the table that Linux's EFI stub made; when a boot loader did without the stub,
from EFI's memory map alone; or by its own EFI stub, which is entered with the boot services that it needs."""


@dataclass(frozen=True)
class GuestRequest:
    """All that a boot handoff is made from."""

    platform: str
    kernel: BzImage
    initrd: bytes
    cmdline: str
    memory: MemoryRequest
    vcpus: int = 1
    load_address: int | None = None
    """Where the kernel is loaded; None for where it prefers to be."""
    virtio_slots: tuple[int, ...] = ()
    """The machine's virtio-mmio slots (acpi.VIRTIO_SLOTS) that have a device, for the DSDT."""
    memory_slots: tuple[Range, ...] = ()
    """Where the host may plug memory while the guest runs: above all RAM."""
    has_memory_devices: bool = True
    """Whether these are ACPI memory devices: a virtio-mem device declares its memory itself."""
    chipset: Chipset = MICROVM
    """That of the machine."""
    nodes: tuple[Node, ...] = ()
    """The guest's nodes (NUMA), if there are several."""
    shape: str = "table"
    """One of SHAPES."""
    seed: int = 1
    """Decides where in their pages firmware's pool allocations lie."""


@dataclass(frozen=True)
class Layout:
    """Where everything lies: guest-physical addresses, 0 for what this guest does not have."""

    kernel: int
    initrd: Range
    runtime_code: int
    runtime_data: int
    page_table: int
    mailbox: int
    ap_loop: int
    secrets: int
    cpuid: int
    cc_blob: int
    acpi: int
    unaccepted_table: int
    memory_map: int
    boot_params: int
    cmdline: int
    gdt: int
    stack: int
    services: int


def lay_out(request: GuestRequest, place: Placement) -> Layout:
    """Find a place for everything; ``place`` knows afterwards what is taken."""
    platform = PLATFORMS[request.platform]
    mailboxes, blobs = platform.has_wakeup_mailbox, platform.has_cc_blob
    kernel = place_kernel(request.kernel, request.load_address, place.ram)
    place.put("kernel", kernel, EfiType.LOADER_CODE)
    allocate, pools = place.allocate, Pools(place, request.seed)
    # Firmware first, from the top down, then what a boot loader would add.
    runtime_code = allocate("runtime-code", PAGE, EfiType.RUNTIME_CODE)
    runtime_data = pools.allocate("runtime-data", efi.SYSTEM_TABLE_SIZE, EfiType.RUNTIME_DATA)
    # The page tables stay in use until every vCPU has left firmware's loop: not for the kernel to overwrite.
    tables = allocate("page-table", page_table.PAGES * PAGE, EfiType.ACPI_NVS)
    mailbox = allocate("mailbox", PAGE, EfiType.ACPI_NVS) if mailboxes else 0
    loop = allocate("ap-loop", PAGE, EfiType.ACPI_NVS) if mailboxes else 0
    secrets = allocate("secrets-page", PAGE, EfiType.RESERVED) if blobs else 0
    cpuid = allocate("cpuid-page", PAGE, EfiType.RESERVED) if blobs else 0
    cc_blob = pools.allocate("cc-blob", CC_BLOB_SIZE, EfiType.ACPI_RECLAIM) if blobs else 0
    acpi_size = len(
        build_acpi(
            0,
            request.vcpus,
            mailbox,
            request.virtio_slots,
            request.memory_slots,
            request.nodes,
            request.has_memory_devices,
            request.chipset,
        ).data
    )
    acpi = allocate("acpi", acpi_size, EfiType.ACPI_RECLAIM)
    size = _table_size(request.memory, place)
    table = pools.allocate("unaccepted-table", size, EfiType.ACPI_RECLAIM) if size else 0
    memory_map = pools.allocate("memory-map", _memory_map_size(request, place), EfiType.LOADER_DATA)
    gdt = allocate("gdt-and-stack", 2 * PAGE, EfiType.LOADER_DATA)
    services, stack = 0, gdt + 2 * PAGE
    if request.shape == "stub":
        services = allocate("efi-services", SERVICES, EfiType.BOOT_SERVICES_CODE)
        stack = allocate("efi-stack", STACK, EfiType.BOOT_SERVICES_DATA) + STACK
    return Layout(
        kernel=kernel.start,
        runtime_code=runtime_code,
        runtime_data=runtime_data,
        page_table=tables,
        mailbox=mailbox,
        ap_loop=loop,
        secrets=secrets,
        cpuid=cpuid,
        cc_blob=cc_blob,
        acpi=acpi,
        unaccepted_table=table,
        memory_map=memory_map,
        boot_params=allocate("boot-params", PAGE, EfiType.LOADER_DATA),
        cmdline=pools.allocate("cmdline", len(request.cmdline.encode()) + 1, EfiType.LOADER_DATA),
        gdt=gdt,
        stack=stack,
        services=services,
        initrd=_place_initrd(request, place),
    )


def _table_size(memory: MemoryRequest, place: Placement) -> int:
    """Return the bytes of the table of what is unaccepted yet; 0 when that is nothing. What is placed later makes it no larger."""
    pieces = build_memory_map(memory, place.ram, place.allocations).of_type(EfiType.UNACCEPTED)
    table = process_unaccepted(pieces).table
    return len(table.encode()) if table else 0


def _memory_map_size(request: GuestRequest, place: Placement) -> int:
    """Return an upper bound: each end of an allocation, hole or accepted range adds at most one piece."""
    edges = len(place.ram) + len(place.allocations) + len(request.memory.accepted)
    spare = SPARE_DESCRIPTORS if request.shape == "stub" else 0
    return efi.DESCRIPTOR.size * (2 * edges + 32 + spare)


def _place_initrd(request: GuestRequest, place: Placement) -> Range:
    if not request.initrd:
        return Range(0, 0)
    size = len(request.initrd)
    below = request.kernel.initrd_addr_max + 1
    return sized(place.allocate("initrd", size, EfiType.LOADER_DATA, below=below), size)
