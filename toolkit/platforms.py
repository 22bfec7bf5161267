# SPDX-License-Identifier: GPL-2.0-only
"""What making a guest has to know of its platform: one row for each. `analysis/run/platform.py` has what judging its run takes.

No other module of toolkit/ compares a platform's name, or has a table by it (`tests/house/test_platform_names.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acceptlab.analysis.run import platform

_NO_XSAVE = "xsave=off,avx=off,avx2=off,f16c=off,fma=off,vaes=off,vpclmulqdq=off,pku=off,mpx=off"
"""XSAVE and what no processor has without it: Linux (7.2, lib/crypto/x86/gf128hash.h) uses AVX where CPUID has AVX alone.

TCG has no XSAVEC and no XSAVES, and every processor that launches confidential guests has both. Linux refuses a CPUID page that has
XSAVE without one of them (sev-shared.c snp_cpuid_postprocess).
"""
ANY_PROCESSOR = "max"
"""QEMU's name for the CPU model that has whatever TCG has."""


@dataclass(frozen=True)
class Hardware:
    """A platform on real hosts, and the signs of being such a guest. Paths are below the root folder, without the first slash.

    ``machine_properties`` are those of QEMU's machine; ``guest_properties`` those of the object, where {c_bit}, {reduced_bits} and
    {hashes} stand for what the host has. ``firmware`` has names of OVMF's builds, the one built for the platform first.
    """

    vendor: str
    """As CPUID leaf 0 and /proc/cpuinfo have it."""
    kvm_module: str
    kvm_parameter: str
    """Of the module: whether KVM launches such guests."""
    host_devices: tuple[str, ...]
    host_kernel: str
    """First Linux that launches such guests."""
    qemu_object: str
    qemu_since: tuple[int, int]
    """First QEMU release with the object (qemu_options.json)."""
    machine_properties: tuple[str, ...]
    guest_properties: Mapping[str, str]
    firmware: tuple[str, ...]
    guest_files: tuple[str, ...]
    """Files that exist in such guests only."""
    cpuid_leaf: int
    """The leaf that names the platform; in a virtual machine, its guests alone have it."""
    guest_flag: str = ""
    """The flag in /proc/cpuinfo that such guests alone have."""
    virtual_flag: str = ""
    """The flag that, of all virtual machines, such guests alone have."""


@dataclass(frozen=True)
class GuestPlatform:
    """One platform."""

    name: str
    """As in run.json, on the command line and in TOML files."""
    title: str
    cpu_properties: str
    """Of QEMU's CPU model, whichever it is: what such guests see, and what they do not see."""
    address_bits: int
    """Width of an address of RAM."""
    processors: tuple[str, ...] = ()
    """Processors that launch such guests, as QEMU names its CPU models."""
    private_bit: int | None = None
    """Position of the page-table bit that is set for private memory."""
    shared_bit: int | None = None
    """Position of the page-table bit that is set for shared memory and memory-mapped registers."""
    emulator_object: str = ""
    """The emulator's object that makes the machine confidential; empty where it is not."""
    has_cc_blob: bool = False
    """Whether firmware leaves a secrets page, a CPUID page and the blob that names them (semantics.md 1.9.7)."""
    has_wakeup_mailbox: bool = False
    """Whether vCPUs wait in the multiprocessor wakeup mailbox (ACPI 6.5, section 5.2.12.19)."""
    has_la57: bool = False
    """Whether guests can have five levels of page tables: Linux switches to them in 32-bit mode, where CR3 has 32 bits."""
    accepts_all_unless_asked: bool = False
    """Whether firmware accepts all memory for a kernel whose stub does not ask it to leave that (semantics.md 3.1.2)."""
    accepts_legacy_hole: bool = False
    """Whether firmware accepts the VGA hole: Linux looks for option ROMs there with private reads (arch/x86/kernel/probe_roms.c)."""
    has_pending_ve: bool = False
    """Whether the guest can be notified of an access to a page that it has yet to accept, or not (SEPT_VE_DISABLE)."""
    has_tdx_module: bool = False
    """Whether a TDX module stands between guest and host: its version, and what the host makes of a shared access, are options."""
    has_sev_features: bool = False
    """Whether a guest may have features of SEV_FEATURES besides its platform's own."""
    attacks_on_pages: tuple[str, ...] = ()
    """What a host can do to one page."""
    attacks_on_calls: tuple[str, ...] = ()
    """What a host can answer to calls of the guest."""
    kernel_option: str = ""
    """The line of a kernel's configuration that supports the platform."""
    hardware: Hardware | None = field(default=None, repr=False)

    @property
    def is_confidential(self) -> bool:
        """Whether the guest has memory of its own, to accept."""
        return bool(self.emulator_object)

    @property
    def private_mask(self) -> int:
        """The bits that a page-table entry needs for private memory."""
        return 0 if self.private_bit is None else 1 << self.private_bit

    @property
    def shared_mask(self) -> int:
        """The bits that a page-table entry needs for shared memory and memory-mapped registers."""
        return 0 if self.shared_bit is None else 1 << self.shared_bit


SNP = GuestPlatform(
    name=platform.SNP.name,
    title=platform.SNP.title,
    # The highest extended leaf that a Milan or Genoa part has; SNP's own are 0x8000001f and 0x80000021. la57=off: the
    # decompressor's switch of paging modes loads CR3 in 32-bit mode, where the C-bit (51) does not fit.
    # erms=off: what a processor does fast in microcode, `rep movsb`, TCG does byte by byte.
    # monitor=off: KVM shows MONITOR to no guest that it does not allow to wait by it. pks=off: Intel's.
    cpu_properties="vendor=AuthenticAMD,xlevel=0x80000021,level=0xb,phys-bits=48,la57=off,erms=off,monitor=off,pks=off,"
    + _NO_XSAVE,
    address_bits=46,  # what Linux maps with four levels
    processors=("EPYC-Milan", "EPYC-Genoa"),
    private_bit=51,
    emulator_object="snp-emulated",
    has_cc_blob=True,
    accepts_all_unless_asked=True,
    has_sev_features=True,
    attacks_on_pages=("remap", "remap-back", "reassign", "unassign"),
    attacks_on_calls=("psc-error", "psc-rewind"),
    kernel_option="CONFIG_AMD_MEM_ENCRYPT=y",
    hardware=Hardware(
        vendor="AuthenticAMD",
        kvm_module="kvm_amd",
        kvm_parameter="sev_snp",
        host_devices=("dev/kvm", "dev/sev"),
        host_kernel="6.11",
        qemu_object="sev-snp-guest",
        qemu_since=(9, 1),
        machine_properties=(),
        # SMT allowed, and the bit that has to be 1 (SEV-SNP firmware ABI, guest policy); no debugging.
        guest_properties={
            "cbitpos": "{c_bit}",
            "reduced-phys-bits": "{reduced_bits}",
            "policy": "0x30000",
            "kernel-hashes": "{hashes}",
        },
        firmware=("OVMF.amdsev.fd", "OVMF.fd"),
        guest_files=("dev/sev-guest", "sys/devices/system/cpu/sev/vmpl"),
        cpuid_leaf=0x8000001F,  # AMD64 APM volume 3, appendix E.4.17
        virtual_flag="sev_snp",
    ),
)
TDX = GuestPlatform(
    name=platform.TDX.name,
    title=platform.TDX.title,
    cpu_properties="vendor=GenuineIntel,phys-bits=48,la57=off,erms=off,monitor=off," + _NO_XSAVE,
    processors=("SapphireRapids", "GraniteRapids"),
    address_bits=47,  # a GPAW of 48 less the shared bit
    shared_bit=47,  # when the GPAW is 48
    emulator_object="tdx-emulated",
    has_wakeup_mailbox=True,
    has_la57=True,
    accepts_legacy_hole=True,
    has_pending_ve=True,
    has_tdx_module=True,
    attacks_on_pages=("remove-aug", "remove", "block", "keep"),
    attacks_on_calls=("busy", "retry"),
    kernel_option="CONFIG_INTEL_TDX_GUEST=y",
    hardware=Hardware(
        vendor="GenuineIntel",
        kvm_module="kvm_intel",
        kvm_parameter="tdx",
        host_devices=("dev/kvm",),
        host_kernel="6.16",
        qemu_object="tdx-guest",
        qemu_since=(10, 1),
        machine_properties=("smm=off", "kernel-irqchip=split"),
        guest_properties={"sept-ve-disable": "on"},
        firmware=("OVMF.inteltdx.fd", "OVMF.tdx.fd", "OVMF.fd"),
        guest_files=("dev/tdx_guest",),
        cpuid_leaf=0x21,  # Intel TDX module specification
        guest_flag="tdx_guest",
    ),
)
PLAIN = GuestPlatform(
    name="plain", title="plain", cpu_properties="phys-bits=48", address_bits=46,  # as SNP's
)  # fmt: skip
"""A guest without confidential computing: what others are compared with, and a test of our tables on any QEMU."""

PLATFORMS: Mapping[str, GuestPlatform] = {one.name: one for one in (SNP, TDX, PLAIN)}
PROCESSORS = tuple(name for one in PLATFORMS.values() for name in one.processors)
"""Names of CPU models that users can give."""
CONFIDENTIAL = tuple(name for name, one in PLATFORMS.items() if one.is_confidential)
"""Names that users can give."""
INNER = tuple(name for name in PLATFORMS if name not in CONFIDENTIAL)
"""Names that our own code may give besides."""
HARDWARE: Mapping[str, Hardware] = {
    name: one.hardware for name, one in PLATFORMS.items() if one.hardware
}


def platform_of_vendor(vendor: str) -> str:
    """Return the name of the platform that a processor vendor has; "" for another vendor."""
    return next((name for name, one in HARDWARE.items() if one.vendor == vendor), "")
