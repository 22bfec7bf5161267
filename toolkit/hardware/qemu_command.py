# SPDX-License-Identifier: GPL-2.0-only
"""The command line of stock QEMU that launches a guest on hardware. Every word of it is in qemu_options.json, or a plain option."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.hardware.host_programs import HASHING, QEMU
from acceptlab.toolkit.hardware.signs import Machine
from acceptlab.toolkit.platforms import HARDWARE
from acceptlab.toolkit.run.options import RunOptions

C_BIT, REDUCED_BITS = 51, 1
"""Of every processor that has SEV-SNP so far (Milan, Genoa, Turin); CPUID leaf 0x8000001f tells on the machine itself."""


@dataclass(frozen=True)
class Launch:
    """What a guest is launched from, and where it writes."""

    kernel: Path
    initrd: Path
    firmware: Path
    command_line: str
    console: Path


def launch_command(
    options: RunOptions, launch: Launch, machine: Machine, qemu: str = QEMU
) -> list[str]:
    """Return QEMU's arguments, the program first."""
    return [
        qemu,
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "none"),
        *("-accel", "kvm", "-cpu", "host", "-smp", str(options.cpus)),
        *("-machine", ",".join(["q35", *_machine(options.platform)])),
        *("-m", f"{options.memory_bytes}B"),
        *("-object", _properties("memory-backend-memfd", "ram0", _memory(options))),
        *("-object", _guest(options.platform, launch, machine)),
        *("-bios", str(launch.firmware)),
        *("-kernel", str(launch.kernel), "-initrd", str(launch.initrd)),
        *("-append", launch.command_line),
        *("-chardev", f"file,id=con,path={_value(launch.console)}", "-serial", "chardev:con"),
    ]


def _machine(platform: str) -> list[str]:
    """Return the machine's properties."""
    common = ("confidential-guest-support=cc0", "memory-backend=ram0", "vmport=off")
    return [*common, *HARDWARE[platform].machine_properties]


def _memory(options: RunOptions) -> dict[str, str]:
    """Return the backend of what the guest shares; its private pages are in a guest_memfd that QEMU makes by itself."""
    return {"size": str(options.memory_bytes), "share": "on"}


def _guest(platform: str, launch: Launch, machine: Machine) -> str:
    """Return the object that makes the guest confidential."""
    given = {
        "c_bit": C_BIT if machine.c_bit is None else machine.c_bit,
        "reduced_bits": REDUCED_BITS if machine.reduced_bits is None else machine.reduced_bits,
        "hashes": "on" if launch.firmware.name == HASHING else "off",
    }
    hardware = HARDWARE[platform]
    properties = {name: text.format(**given) for name, text in hardware.guest_properties.items()}
    return _properties(hardware.qemu_object, "cc0", properties)


def _properties(kind: str, name: str, properties: dict[str, str]) -> str:
    return ",".join([kind, f"id={name}", *(f"{key}={value}" for key, value in properties.items())])


def _value(path: Path) -> str:
    """Return a path as a value among options: a comma in it is doubled."""
    return str(path).replace(",", ",,")
