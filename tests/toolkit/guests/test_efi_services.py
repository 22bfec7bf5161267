# SPDX-License-Identifier: GPL-2.0-only
"""The program that enters a kernel's EFI stub: what it is told, and where it goes. That it works, boots show."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.bzimage import HEADER_OFFSET, BzImage
from acceptlab.toolkit.firmware.efi_services import (
    SERVICES,
    SPARE_DESCRIPTORS,
    Settings,
    efi_services,
    stub_entry,
)

SETTINGS = Settings(
    system_table=0x1000,
    stub=0x2000,
    memory_map=0x3000,
    descriptors=7,
    accepts_all_unless_asked=True,
    seed=5,
)


def with_handover(kernel: BzImage, offset: int, flags: int) -> BzImage:
    header = bytearray(kernel.header.ljust(0x268 - HEADER_OFFSET, b"\0"))
    struct.pack_into("<I", header, 0x264 - HEADER_OFFSET, offset)
    struct.pack_into("<H", header, 0x236 - HEADER_OFFSET, flags)
    return replace(kernel, header=bytes(header))


def test_the_program_has_its_settings_and_fits_its_place() -> None:
    program = efi_services(SETTINGS)
    values = (0x1000, 0x2000, 0x3000, 7, 7 + SPARE_DESCRIPTORS, 1, 5)
    assert struct.unpack_from("<7Q", program, 0x20) == values
    assert len(program) <= SERVICES


def test_no_address_in_it_depends_on_where_it_was_linked() -> None:
    """The entry's call is relative, and nothing is left for a loader to relocate: two settings differ in these alone."""
    other = efi_services(replace(SETTINGS, stub=0x5000))
    differing = [
        i
        for i, pair in enumerate(zip(efi_services(SETTINGS), other, strict=True))
        if pair[0] != pair[1]
    ]
    assert differing == [0x29]


def test_the_stub_is_entered_where_the_header_says(kernel: BzImage) -> None:
    assert stub_entry(with_handover(kernel, 0x1234, 1 << 3), 0x1000000) == 0x1001434


@pytest.mark.parametrize(("offset", "flags"), [(0, 1 << 3), (0x1234, 0)])
def test_a_kernel_without_that_entry_is_refused(kernel: BzImage, offset: int, flags: int) -> None:
    with pytest.raises(BadInputError, match="no EFI handover entry"):
        stub_entry(with_handover(kernel, offset, flags), 0x1000000)
