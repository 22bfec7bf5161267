# SPDX-License-Identifier: GPL-2.0-only
"""The checks of `acceptlab doctor` on real hardware: is this a confidential guest, and can it launch one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from acceptlab.toolkit.doctor.check import Check
from acceptlab.toolkit.hardware import host_programs
from acceptlab.toolkit.hardware.signs import ROOT, Machine, look
from acceptlab.toolkit.platforms import HARDWARE, PLATFORMS

HOST = "run --hardware"


def hardware_checks(root: Path = ROOT, program: str = host_programs.QEMU) -> Iterator[Check]:
    """Look at the machine whose files are below `root`; nothing here is needed for the emulator."""
    machine = look(root)
    name = PLATFORMS[machine.guest].title if machine.guest else ""
    found = f"{name} guest: {machine.why_guest}" if name else f"no: {machine.why_guest}"
    yield Check("confidential guest", bool(name), found, "collect --guest", is_optional=True)
    for platform in HARDWARE:
        yield from _host(machine, platform, PLATFORMS[platform].title, root, program)


def _host(machine: Machine, platform: str, name: str, root: Path, program: str) -> Iterator[Check]:
    """The kernel, QEMU and firmware that launch guests of a platform; the last two only where the first is there."""
    lacks = machine.lacks.get(platform, [f"the processor is {machine.vendor or 'not known'}"])
    yield Check(
        f"host of {name} guests", not lacks, lacks[0] if lacks else "yes", HOST,
        "; then ".join(lacks[1:]), is_optional=True,
    )  # fmt: skip
    if lacks:
        return
    qemu = host_programs.find_qemu(program)
    wanted = ".".join(map(str, HARDWARE[platform].qemu_since))
    has = f"{qemu.version[0]}.{qemu.version[1]}" if qemu else "not installed"
    knows = qemu is not None and qemu.launches(platform)
    yield Check(
        f"QEMU with {HARDWARE[platform].qemu_object}", knows, has, HOST,
        "" if knows else f"install QEMU {wanted} or later", is_optional=True,
    )  # fmt: skip
    firmware = host_programs.find_firmware(platform, root)
    yield Check(
        f"OVMF for {name}", firmware is not None, str(firmware or "not found"), HOST,
        "" if firmware else "apt-get install --no-install-recommends ovmf", is_optional=True,
    )  # fmt: skip
