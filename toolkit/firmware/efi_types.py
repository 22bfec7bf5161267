# SPDX-License-Identifier: GPL-2.0-only
"""EFI's memory types (UEFI 2.10, section 7.2.1) and what becomes of them in an e820 map."""

from __future__ import annotations

from enum import IntEnum


class EfiType(IntEnum):
    """EFI_MEMORY_TYPE."""

    RESERVED = 0
    LOADER_CODE = 1
    LOADER_DATA = 2
    BOOT_SERVICES_CODE = 3
    BOOT_SERVICES_DATA = 4
    RUNTIME_CODE = 5
    RUNTIME_DATA = 6
    CONVENTIONAL = 7
    UNUSABLE = 8
    ACPI_RECLAIM = 9
    ACPI_NVS = 10
    UNACCEPTED = 15


class E820Type(IntEnum):
    """Types of the zero page's e820 table (Linux arch/x86/include/asm/e820/types.h)."""

    RAM = 1
    RESERVED = 2
    ACPI = 3
    NVS = 4
    UNUSABLE = 5


E820_OF_EFI = {
    EfiType.RESERVED: E820Type.RESERVED,
    EfiType.LOADER_CODE: E820Type.RAM,
    EfiType.LOADER_DATA: E820Type.RAM,
    EfiType.BOOT_SERVICES_CODE: E820Type.RAM,
    EfiType.BOOT_SERVICES_DATA: E820Type.RAM,
    EfiType.RUNTIME_CODE: E820Type.RESERVED,
    EfiType.RUNTIME_DATA: E820Type.RESERVED,
    EfiType.CONVENTIONAL: E820Type.RAM,
    EfiType.UNUSABLE: E820Type.UNUSABLE,
    EfiType.ACPI_RECLAIM: E820Type.ACPI,
    EfiType.ACPI_NVS: E820Type.NVS,
    EfiType.UNACCEPTED: E820Type.RAM,
}
"""What Linux's EFI stub makes of each (semantics.md 3.3.2)."""
