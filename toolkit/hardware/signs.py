# SPDX-License-Identifier: GPL-2.0-only
"""What this machine is: a confidential guest, a host that can launch one, both or neither. No kernel log is read, no root needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.hardware import cpuid

ROOT = Path("/")
PLATFORMS = {"snp": "SEV-SNP", "tdx": "TDX"}
_MODULES = {"snp": "kvm_amd/parameters/sev_snp", "tdx": "kvm_intel/parameters/tdx"}
"""Switches of KVM below /sys/module that say whether it launches such guests."""
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
    guest, why = _guest(root, flags, vendor, sev)
    platform = {"AuthenticAMD": "snp", "GenuineIntel": "tdx"}.get(vendor)
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


def _guest(root: Path, flags: set[str], vendor: str, sev: cpuid.Leaf | None) -> tuple[str, str]:
    """Any one of these signs is enough: each is there in such guests only."""
    virtual = "hypervisor" in flags
    for sign, path in (("tdx", "dev/tdx_guest"), ("snp", "dev/sev-guest")):
        if (root / path).exists():
            return sign, f"/{path} exists"
    if "tdx_guest" in flags:
        return "tdx", "/proc/cpuinfo has the flag tdx_guest"
    if (root / "sys/devices/system/cpu/sev/vmpl").exists():
        return "snp", "/sys/devices/system/cpu/sev/vmpl exists"
    if virtual and vendor == "GenuineIntel" and cpuid.is_td(cpuid.read_leaf(root, cpuid.TDX_LEAF)):
        return "tdx", "CPUID leaf 0x21 is IntelTDX"
    if virtual and vendor == "AuthenticAMD" and (cpuid.has_snp(sev) or "sev_snp" in flags):
        how = "CPUID leaf 0x8000001f" if cpuid.has_snp(sev) else "/proc/cpuinfo"
        return "snp", f"a virtual machine whose {how} names SEV-SNP"
    return "", "a virtual machine, not confidential" if virtual else "not a virtual machine"


def _lacks(root: Path, platform: str, flags: set[str], is_guest: bool) -> list[str]:
    """What keeps this machine from launching guests of a platform; nothing when it can."""
    if is_guest:
        return ["it is a confidential guest itself, and those do not nest"]
    missing = []
    switch = root / "sys/module" / _MODULES[platform]
    module, parameter = _MODULES[platform].split("/parameters/")
    if not switch.exists():
        missing.append(f"KVM has no {module}.{parameter}: {_remedy(platform, flags)}")
    elif _text(switch).strip() not in _YES:
        missing.append(
            f"{module}.{parameter} is off: enable {PLATFORMS[platform]} in the firmware's set-up, and load "
            f"{module} with {parameter}=1"
        )
    for device in ["dev/kvm", *(["dev/sev"] if platform == "snp" else [])]:
        if not (root / device).exists():
            missing.append(f"there is no /{device}")
    return missing


def _remedy(platform: str, flags: set[str]) -> str:
    if "hypervisor" in flags:
        return "this is a virtual machine; such guests are launched by a host on bare metal"
    kernel = {"snp": "6.11", "tdx": "6.16"}[platform]
    return (
        f"it takes Linux {kernel} or later, and a processor and firmware with {PLATFORMS[platform]}"
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
