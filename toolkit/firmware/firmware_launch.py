# SPDX-License-Identifier: GPL-2.0-only
"""A guest's memory before real firmware's first instruction, as a host launches it from the image's metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.efi_stub import EfiStub
from acceptlab.toolkit.firmware.handoff_files import MAP_NAME, HandoffFiles
from acceptlab.toolkit.firmware.memory_map import (
    HIGH_RAM_START,
    LEGACY_HOLE,
    Q35_LOW_RAM_END,
    Q35_SPLIT_FROM,
)
from acceptlab.toolkit.firmware.ovmf_image import OvmfImage, Section, SevSection, TdxSection
from acceptlab.toolkit.firmware.td_hob import encode_td_hob
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.ranges import PAGE, Range, sized, subtract, union

LOW_RAM_MAX = Q35_SPLIT_FROM
"""A q35 machine with less has all RAM below 4 GiB (QEMU hw/i386/pc_q35.c, pc_q35_init)."""
_LOW_RAM = Q35_LOW_RAM_END
"""And with as much or more, this much there."""
_SEC_GHCB = sized(0x809000, PAGE)
"""OVMF's first GHCB (PcdOvmfSecGhcbBase). It uses the page as shared without a page state change."""


@dataclass(frozen=True)
class FirmwareLaunch:
    """Memory at firmware's first instruction; ranges are of guest-physical addresses."""

    platform: str
    image: OvmfImage
    ram: list[Range]
    """RAM of the guest, firmware's image included."""
    accepted: list[Range]
    """What the host adds to the guest as its own, measured or zeroed."""
    shared: list[Range]
    secrets_page: int = 0
    cpuid_page: int = 0
    td_hob: int = 0
    stub: EfiStub | None = None

    @property
    def hob(self) -> bytes:
        """Return a TD's list of memory; empty on other platforms."""
        if not self.td_hob:
            return b""
        return encode_td_hob(
            self.td_hob,
            subtract(self.ram, [self.image.range]),
            subtract(self.accepted, [self.image.range]),
        )


def q35_ram(size: int) -> list[Range]:
    """Return where a q35 machine with ``size`` bytes of memory has RAM."""
    if size < LOW_RAM_MAX:
        return [Range(0, size)]
    return [Range(0, _LOW_RAM), sized(HIGH_RAM_START, size - _LOW_RAM)]


def build_launch(
    image: OvmfImage, platform: str, memory: int, stub: EfiStub | None
) -> FirmwareLaunch:
    """Return the launch state of a guest with ``memory`` bytes of RAM.

    Raises BadInputError when the image does not support the platform, or memory is too small for it.
    """
    is_td = PLATFORMS[platform].has_tdx_module
    sections = image.tdx if is_td else image.sev
    if not sections:
        raise BadInputError(
            f"--firmware {image.path}: the image has no metadata for {PLATFORMS[platform].title}"
        )
    ram = q35_ram(memory)
    if any(one.range.end > ram[0].end and one.range.end < image.range.start for one in sections):
        raise BadInputError(f"--memory: too little for {image.path.name}; give at least 128M")
    launch = _tdx if is_td else _snp
    return launch(image, platform, ram, sections, stub)


def _snp(
    image: OvmfImage,
    platform: str,
    ram: Sequence[Range],
    sections: Sequence[Section],
    stub: EfiStub | None,
) -> FirmwareLaunch:
    return FirmwareLaunch(
        platform,
        image,
        union([*subtract(ram, [LEGACY_HOLE]), image.range]),
        union([image.range, *(subtract([one.range for one in sections], [_SEC_GHCB]))]),
        [_SEC_GHCB],
        secrets_page=_address(sections, SevSection.SECRETS),
        cpuid_page=_address(sections, SevSection.CPUID),
        stub=stub,
    )


def _tdx(
    image: OvmfImage,
    platform: str,
    ram: Sequence[Range],
    sections: Sequence[Section],
    stub: EfiStub | None,
) -> FirmwareLaunch:
    return FirmwareLaunch(
        platform,
        image,
        union([*ram, image.range]),
        union(one.range for one in sections),
        [],
        td_hob=_address(sections, TdxSection.TD_HOB),
        stub=stub,
    )


def _address(sections: Sequence[Section], kind: int) -> int:
    return next((one.range.start for one in sections if one.type == kind), 0)


def launch_text(launch: FirmwareLaunch) -> str:
    """Return the text of the boot handoff file for the emulator: one keyword and its numbers per line."""
    lines = [f"firmware {launch.image.range.start:#x} {launch.image.size:#x}"]
    for keyword, ranges in (
        ("ram", launch.ram),
        ("accepted", launch.accepted),
        ("shared", launch.shared),
    ):
        lines += [f"{keyword} {item.start:#x} {item.size:#x}" for item in ranges]
    for keyword in ("secrets-page", "cpuid-page", "td-hob"):
        address = getattr(launch, keyword.replace("-", "_"))
        lines += [f"{keyword} {address:#x}"] if address else []
    if launch.stub:
        lines += [f"kernel-size {launch.stub.size:#x}", f"kernel-entry {launch.stub.entry:#x}"]
        code = launch.stub.code
        lines += [
            f"kernel-code {int.from_bytes(code[at : at + 8], 'little'):#x}"
            for at in range(0, len(code), 8)
        ]
    return "".join(line + "\n" for line in lines)


def write_launch(launch: FirmwareLaunch, initrd: bytes, folder: Path) -> HandoffFiles:
    """Write what the emulator reads into ``folder``, which must not exist yet."""
    folder.mkdir(parents=True)
    (folder / MAP_NAME).write_text(launch_text(launch))
    loads = []
    if launch.td_hob:
        (folder / "td-hob.bin").write_bytes(launch.hob)
        loads.append((folder / "td-hob.bin", launch.td_hob))
    if initrd:
        (folder / "initrd.bin").write_bytes(initrd)
    return HandoffFiles(folder, folder / MAP_NAME, launch.image.path, loads)
