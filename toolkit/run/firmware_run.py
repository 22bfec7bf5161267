# SPDX-License-Identifier: GPL-2.0-only
"""A run that real firmware starts: what the emulator is given, and what it saw when the kernel took over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.analysis.run import run_info
from acceptlab.toolkit.firmware.efi_stub import read_efi_stub
from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.firmware_launch import (
    LOW_RAM_MAX,
    FirmwareLaunch,
    build_launch,
    write_launch,
)
from acceptlab.toolkit.firmware.handoff_files import HandoffFiles
from acceptlab.toolkit.firmware.ovmf_image import read_image
from acceptlab.toolkit.firmware.ovmf_package import Firmware, resolve
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.ranges import Range, sized, subtract
from acceptlab.toolkit.run.emulator_command import DirectBoot
from acceptlab.toolkit.run.options import RunOptions

_TABLE_HEADER = 24
"""struct efi_unaccepted_memory without its bitmap (Linux include/linux/efi.h), bytes."""


@dataclass(frozen=True)
class FirmwareStart:
    """What starts the guest."""

    firmware: Firmware
    launch: FirmwareLaunch
    files: HandoffFiles
    boot: DirectBoot


def prepare_firmware(
    options: RunOptions, kernel: Kernel, initrd: bytes, command_line: str, folder: Path
) -> FirmwareStart:
    """Write what the emulator reads into `folder`; raises BadInputError or MachineError when there is no such firmware."""
    firmware = resolve(options.firmware)
    stub = read_efi_stub(kernel.image)
    launch = build_launch(read_image(firmware.path), options.platform, options.memory_bytes, stub)
    if options.memory_bytes < LOW_RAM_MAX:
        say(
            f"--memory {options.memory}: firmware accepts all memory below 4 GiB, and this guest has no other; "
            "give 4G or more to have some left unaccepted"
        )
    files = write_launch(launch, initrd, folder)
    boot = DirectBoot(kernel.image, folder / "initrd.bin" if initrd else None, command_line)
    return FirmwareStart(firmware, launch, files, boot)


def info_of(
    start: FirmwareStart, report: dict[str, Any] | None, events: run_info.EventsInfo
) -> run_info.Firmware:
    """Return run.json's `firmware`: which image ran, and what the emulator saw when the kernel took over."""
    seen = (report or {}).get("firmware") or {}
    return run_info.Firmware(
        name=start.firmware.name,
        path=str(start.firmware.path),
        package=start.firmware.package,
        version=start.firmware.version,
        sha256=start.launch.image.sha256,
        size=start.launch.image.size,
        kernel_took_over=seen.get("kernel_took_over"),
        memory_map=tuple((first, size, kind) for first, size, kind in seen.get("memory_map", [])),
        exits=seen.get("exits"),
        events=events,
    )


def handoff_seen(
    start: FirmwareStart, report: dict[str, Any] | None, accepted: list[tuple[int, int]]
) -> run_info.Handoff:
    """Return memory as the kernel took it over: `accepted` as the trace begins, the rest as firmware's map has it."""
    seen = (report or {}).get("firmware") or {}
    table = seen.get("unaccepted_table")
    unaccepted = [
        (first, size)
        for first, size, kind in seen.get("memory_map", [])
        if kind == EfiType.UNACCEPTED
    ]
    bitmap = None
    blobs: tuple[run_info.Blob, ...] = ()
    if table and "size" in table:
        bitmap = run_info.Bitmap(
            table["table"], table["phys_base"], table["unit_size"], table["size"]
        )
        size = _TABLE_HEADER + bitmap.size
        blobs = (run_info.Blob("unaccepted-table", bitmap.table, size),)
    return run_info.Handoff(
        ram=tuple((one.start, one.size) for one in start.launch.ram),
        accepted=tuple(accepted),
        shared=_rest(start.launch.ram, [*accepted, *unaccepted]),
        unaccepted=tuple(unaccepted),
        blobs=blobs,
        bitmap=bitmap,
    )


def _rest(ram: list[Range], known: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return RAM that is neither accepted nor unaccepted: shared with the host, or taken by it."""
    left = subtract(ram, [sized(start, size) for start, size in known])
    return tuple((one.start, one.size) for one in left)
