# SPDX-License-Identifier: GPL-2.0-only
"""What this machine is: a confidential guest, a host that can launch one, both or neither. No kernel log is read, no root needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.hardware import cpuid
from acceptlab.toolkit.platforms import HARDWARE, PLATFORMS, Hardware, platform_of_vendor

ROOT = Path("/")
_YES = {"Y", "1"}


@dataclass(frozen=True)
class Machine:
    """`guest` is the platform that this machine is a guest of, or ""; `hosts` those it can launch guests of.

    `why_guest` says how it is known. `lacks` has, by platform, what keeps this machine from being a host, in order of what to
    do first; a platform of the other processor vendor is left out. `c_bit` and `reduced_bits` are for SNP, where known.
    """

    guest: str
    why_guest: str
    vendor: str
    hosts: tuple[str, ...]
    lacks: dict[str, list[str]]
    c_bit: int | None = None
    reduced_bits: int | None = None


def look(root: Path = ROOT) -> Machine:
    """Look at the machine whose files are below `root`."""
    flags, vendor = _processor(root)
    sev = cpuid.read_leaf(root, cpuid.SEV_LEAF)
    guest, why = _guest(root, flags, vendor)
    platform = platform_of_vendor(vendor)
    lacks = {platform: _lacks(root, platform, flags, bool(guest))} if platform else {}
    hosts = tuple(name for name, missing in lacks.items() if not missing)
    return Machine(guest, why, vendor, hosts, lacks, cpuid.c_bit(sev), cpuid.reduced_bits(sev))


def _processor(root: Path) -> tuple[set[str], str]:
    """Flags and vendor of the first processor."""
    flags: set[str] = set()
    vendor = ""
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "vendor_id" and not vendor:
            vendor = value.strip()
        if name.strip() == "flags":
            flags = set(value.split())
            break
    return flags, vendor


def _guest(root: Path, flags: set[str], vendor: str) -> tuple[str, str]:
    """Any one of these signs is enough: each is there in such guests only."""
    virtual = "hypervisor" in flags
    for name, one in HARDWARE.items():
        for path in one.guest_files:
            if (root / path).exists():
                return name, f"/{path} exists"
        if one.guest_flag in flags:
            return name, f"/proc/cpuinfo has the flag {one.guest_flag}"
    name = platform_of_vendor(vendor)
    if virtual and name and (where := _names_itself(root, HARDWARE[name], flags)):
        return name, f"a virtual machine whose {where} names {PLATFORMS[name].title}"
    return "", "a virtual machine, not confidential" if virtual else "not a virtual machine"


def _names_itself(root: Path, hardware: Hardware, flags: set[str]) -> str:
    """Where the processor of a virtual machine has the platform's name; "" where it has not."""
    leaf = hardware.cpuid_leaf
    if cpuid.NAMED_IN[leaf](cpuid.read_leaf(root, leaf)):
        return f"CPUID leaf {leaf:#x}"
    return "/proc/cpuinfo" if hardware.virtual_flag in flags else ""


def _lacks(root: Path, platform: str, flags: set[str], is_guest: bool) -> list[str]:
    """What keeps this machine from launching guests of a platform; nothing when it can."""
    if is_guest:
        return ["this machine is itself a confidential guest, and those do not nest"]
    missing = []
    wanted = HARDWARE[platform]
    module, parameter = wanted.kvm_module, wanted.kvm_parameter
    switch = root / "sys/module" / module / "parameters" / parameter
    if not switch.exists():
        missing.append(f"KVM has no {module}.{parameter}: {_remedy(platform, flags)}")
    elif _text(switch).strip() not in _YES:
        missing.append(
            f"{module}.{parameter} is off: enable {PLATFORMS[platform].title} in the firmware setup, and load "
            f"{module} with {parameter}=1"
        )
    for device in wanted.host_devices:
        if not (root / device).exists():
            missing.append(f"/{device} does not exist")
    return missing


def _remedy(platform: str, flags: set[str]) -> str:
    if "hypervisor" in flags:
        return "this is a virtual machine; confidential guests need a bare-metal host"
    kernel = HARDWARE[platform].host_kernel
    return f"requires Linux {kernel} or later, and a processor and firmware with {PLATFORMS[platform].title}"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
