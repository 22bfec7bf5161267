# SPDX-License-Identifier: GPL-2.0-only
"""EFI tables, read back by the offsets of the UEFI specification."""

from __future__ import annotations

import ctypes
import mmap
import struct
import zlib
from uuid import UUID, uuid4

import pytest

from acceptlab.toolkit.firmware import efi
from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.memory_map import MemoryPiece
from acceptlab.toolkit.ranges import Range

BASE, CODE = 0x7FFF0000, 0x7FFE0000


def u64(data: bytes, at: int) -> int:
    value: int = struct.unpack_from("<Q", data, at)[0]
    return value


def check_crc(table: bytes) -> None:
    (size, crc) = struct.unpack_from("<II", table, 12)
    blank = table[:16] + bytes(4) + table[20:size]
    assert zlib.crc32(blank) == crc


def test_system_table_leads_to_everything() -> None:
    mine, other = uuid4(), uuid4()
    system = efi.system_table(BASE, CODE, [(mine, 0x1234000), (other, 0x5678000)])
    data = system.data
    assert system.address == BASE
    assert data[:8] == b"IBI SYST"
    assert struct.unpack_from("<I", data, 12)[0] == 120
    check_crc(data)
    vendor = u64(data, 24) - BASE
    assert data[vendor : vendor + 20].decode("utf-16-le") == "acceptlab\0"
    count, tables = u64(data, 104), u64(data, 112) - BASE
    found = {
        UUID(bytes_le=data[at : at + 16]): u64(data, at + 16)
        for at in range(tables, tables + 24 * count, 24)
    }
    assert found[mine] == 0x1234000
    assert found[other] == 0x5678000
    assert count == 3


def test_boot_services_and_consoles_are_gone() -> None:
    data = efi.system_table(BASE, CODE, []).data
    assert [u64(data, at) for at in (40, 48, 56, 64, 72, 80, 96)] == [0] * 7


def test_runtime_services_are_stubs() -> None:
    data = efi.system_table(BASE, CODE, []).data
    runtime = data[u64(data, 88) - BASE :]
    assert runtime[:8] == b"RUNTSERV"
    check_crc(runtime)
    services = struct.unpack_from("<14Q", runtime, 24)
    assert services[4] == CODE  # SetVirtualAddressMap
    assert {service for index, service in enumerate(services) if index != 4} == {CODE + 0x10}


@pytest.mark.parametrize(("at", "status"), [(0, 0), (0x10, 1 << 63 | 3)])
def test_runtime_code_runs_and_returns_its_status(at: int, status: int) -> None:
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(efi.runtime_code())
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CFUNCTYPE(ctypes.c_uint64)(address + at)() == status


def test_runtime_properties_allow_only_the_address_map() -> None:
    data = efi.system_table(BASE, CODE, []).data
    table = u64(data, 112) - BASE
    assert UUID(bytes_le=data[table : table + 16]) == UUID("eb66918a-7eef-402a-842e-931d21c38ae9")
    assert struct.unpack_from("<HHI", data, u64(data, table + 16) - BASE) == (1, 8, 0x80)


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [
        (EfiType.CONVENTIONAL, 8),
        (EfiType.UNACCEPTED, 8),
        (EfiType.RUNTIME_CODE, 8 | 1 << 63),
        (EfiType.RUNTIME_DATA, 8 | 1 << 63),
        (EfiType.ACPI_RECLAIM, 8),
    ],
)
def test_descriptor(kind: EfiType, attribute: int) -> None:
    data = efi.encode_memory_map([MemoryPiece(Range(0x1000, 0x9000), kind)])
    assert len(data) == 48
    assert struct.unpack_from("<I4xQQQQ", data) == (kind, 0x1000, 0, 8, attribute)
