# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's command line for one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.firmware.handoff_files import HandoffFiles
from acceptlab.toolkit.guest.disk_modules import WRITABLE
from acceptlab.toolkit.platforms import ANY_PROCESSOR, PLATFORMS
from acceptlab.toolkit.run.devices import (
    DISK_SLOT,
    MEMORY_SLOT,
    device_arguments,
    on_bus,
    slots_of,
)
from acceptlab.toolkit.run.host_policies import HOST_POLICIES
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.schedule import parse_schedule

_SLOW_SINCE = {
    "10.0": (
        "fsrm=off,fzrm=off,fsrs=off,fsrc=off,rdseed=off,sha-ni=off,3dnowprefetch=off,cmp-legacy=off,rdpid=off,"
        "cmpccxadd=off,x2apic=off"
    ),
}
"""By QEMU's version: features that make a guest slower. With fast short `rep movsb`, as with erms, Linux copies by instructions that
TCG executes byte by byte; the others keep the guests of all versions alike."""
_PENDING_VE: dict[str, dict[str, str]] = {
    "off": {},
    "on": {"pending-ve": "on"},
    "guest": {"flexible-pending-ve": "on"},
}
"""The emulator object's properties by RunOptions.pending_ve."""
_SEV_FEATURES: dict[str, dict[str, str]] = {"none": {}, "debug-swap": {"debug-swap": "on"}}
"""The emulator object's properties by RunOptions.sev_features."""
_OBJECT = "cc0"
"""Name of the object that makes the machine confidential."""
_MICROVM = (
    "microvm,pit=on,pic=on,rtc=on,isa-serial=on,acpi=on,pcie=off,x-option-roms=off,"
    "auto-kernel-cmdline=off,memory-backend=ram0"
)
_Q35 = "q35,smm=off,sata=off,vmport=off,memory-backend=ram0"
"""The machine with PCI, that real firmware is made for; like QEMU's confidential guests, it has no SMM."""
_EPOCH = "2026-01-01T00:00:00"
"""The guest's clock at the start of every run, so that two runs of one seed are the same."""


@dataclass(frozen=True)
class DirectBoot:
    """What firmware starts: a kernel, an initramfs or none, and the command line."""

    kernel: Path
    initrd: Path | None
    command_line: str


@dataclass(frozen=True)
class RunFiles:
    """What the emulator writes during a run."""

    folder: Path

    @property
    def console(self) -> Path:
        """Return the file of the guest's serial console."""
        return self.folder / "console.log"

    @property
    def raw_events(self) -> Path:
        """Return the raw event stream."""
        return self.folder / "events.raw"

    @property
    def raw_firmware_events(self) -> Path:
        """Return the raw event stream of real firmware (emulator/qemu/start.c)."""
        return self.folder / "events.raw.firmware"

    @property
    def report(self) -> Path:
        """Return the emulator's own report."""
        return self.folder / "report.json"

    @property
    def snapshots(self) -> Path:
        """Return the folder of bitmap snapshots."""
        return self.folder / "bitmap"

    @property
    def probes(self) -> Path:
        """Return the list of functions to watch."""
        return self.folder / "handoff" / "probes"

    @property
    def skip_list(self) -> Path:
        """Return the list of functions that are skipped as callers of an acceptance."""
        return self.folder / "handoff" / "skip-list"

    @property
    def kernel(self) -> Path:
        """Return the file that says, while the run goes on, which file has the kernel's symbols."""
        return self.folder / "handoff" / "kernel.json"

    @property
    def attacks(self) -> Path:
        """Return the list of attacks to inject."""
        return self.folder / "handoff" / "attacks"

    @property
    def hotplug(self) -> Path:
        """Return the list of what memory the host adds and removes."""
        return self.folder / "handoff" / "hotplug"

    @property
    def handoff(self) -> Path:
        """Return the folder of the boot handoff."""
        return self.folder / "handoff"

    @property
    def stderr(self) -> Path:
        """Return the file of the emulator's own messages."""
        return self.folder / "emulator.log"


def cpu_model(
    platform: str, version: str, processor: str = ANY_PROCESSOR, la57: bool = False
) -> str:
    """Return the value of QEMU's -cpu for a guest of a platform, for a version of QEMU (bases.py).

    Features of a named processor that TCG lacks are off: check=off keeps QEMU from a warning for each.
    """
    named = [] if processor == ANY_PROCESSOR else ["check=off"]
    if la57:
        named.append("la57=on")
    slow = [_SLOW_SINCE[version]] if version in _SLOW_SINCE else []
    return ",".join([processor, PLATFORMS[platform].cpu_properties, *named, *slow])


def emulator_command(
    binary: Path,
    version: str,
    options: RunOptions,
    handoff: HandoffFiles,
    files: RunFiles,
    boot: DirectBoot | None = None,
    disk: Path | None = None,
    on_terminal: bool = False,
) -> list[str]:
    """Return the emulator's arguments, the program first; `version` is that of QEMU (bases.py).

    `boot` is what firmware, if there is some, starts; `disk` the image of the root file system. `on_terminal`: the guest's console is the emulator's standard input and
    output, too.
    """
    return [
        str(binary),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "none"),
        *_time(options, on_terminal),
        *_machine(options),
        *("-bios", str(handoff.rom)),
        *("-cpu", cpu_model(options.platform, version, options.cpu, options.la57)),
        *("-smp", _vcpus(options)),
        *_guest(options, handoff, files),
        *handoff.loader_arguments(),
        *(_direct_boot(boot) if boot else ()),
        *_transport(options),
        *(_disk(options, disk) if disk else ()),
        *_virtio_memory(options),
        *device_arguments(options.devices, options.has_pci),
        *("-chardev", _console(files.console, on_terminal), "-serial", "chardev:con"),
        *_monitor(options),
    ]


def _console(file: Path, on_terminal: bool) -> str:
    """Return the character device of the guest's console; mux takes Ctrl-A X, and without signal Ctrl-C is the guest's."""
    if on_terminal:
        return f"stdio,id=con,mux=on,signal=off,logfile={_value(file)}"
    return f"file,id=con,path={_value(file)}"


def _monitor(options: RunOptions) -> list[str]:
    if not options.qmp:
        return []
    return ["-qmp", f"unix:path={_value(Path(options.qmp))},server=on,wait=off"]


def _vcpus(options: RunOptions) -> str:
    """Return the value of -smp. vCPUs of one socket share caches, and no two nodes do."""
    if options.numa == 1:
        return str(options.cpus)
    return f"{options.cpus},sockets={options.cpus},cores=1,threads=1"


def _time(options: RunOptions, on_terminal: bool) -> list[str]:
    """Return what makes time and chance repeatable; vCPUs on threads of their own cannot count instructions.

    While a guest waits for a person, its clock must not run ahead.
    """
    seeded = ["-seed", str(options.seed), "-rtc", f"base={_EPOCH},clock=vm"]
    if options.threads == "multi":
        return ["-accel", "tcg,thread=multi", *seeded]
    return [
        "-accel",
        "tcg,thread=single",
        "-icount",
        f"shift=0,sleep={'on' if on_terminal else 'off'}",
        *seeded,
    ]


def _machine(options: RunOptions) -> list[str]:
    machine, size = _MICROVM, options.memory_request.machine_size
    size = max(size, options.hotplug_script.machine_size)
    if options.has_pci:
        machine, size = _Q35, options.memory_bytes
    is_confidential = PLATFORMS[options.platform].is_confidential
    guarded = f",confidential-guest-support={_OBJECT}" if is_confidential else ""
    ram = f"memory-backend-ram,id=ram0,size={size},reserve=off"
    return ["-machine", machine + guarded, "-object", ram, "-m", f"{size}B"]


def _disk(options: RunOptions, image: Path) -> list[str]:
    """Return the disk with the root file system: emulator/qemu/disk.c, and a virtio device that DMA to private memory is refused to.

    Requests are taken and answered on the vCPUs' thread (no ioeventfd), and the guest never flushes (no write cache), for what is
    answered by QEMU's main loop comes at another instruction in every run.
    """
    read_only = "off" if options.root_mode == WRITABLE else "on"
    drive = f"if=none,id=root,driver=guest-disk,filename={_value(image)},read-only={read_only}"
    settings = "drive=root,num-queues=1,write-cache=off"
    return [
        *("-drive", drive),
        *("-device", on_bus("virtio-blk", DISK_SLOT, settings, options.has_pci)),
    ]


def virtio_slots(options: RunOptions) -> tuple[int, ...]:
    """Return the virtio-mmio slots that have a device, for the DSDT."""
    if options.has_pci:
        return ()
    disk = (DISK_SLOT,) if options.root else ()
    memory = (MEMORY_SLOT,) if _virtio_memory(options) else ()
    return disk + memory + slots_of(options.devices)


def _virtio_memory(options: RunOptions) -> list[str]:
    """Return the virtio-mem device: emulator/qemu/virtio-mem.c."""
    slot = options.hotplug_script.virtio_slot
    if slot is None:
        return []
    return ["-device", on_bus("guest-virtio-mem", MEMORY_SLOT, f"slot={slot}", has_pci=False)]


def _transport(options: RunOptions) -> list[str]:
    """Return what virtio-mmio is like: of today's version, and requests are taken on the vCPUs' thread."""
    if not virtio_slots(options):
        return []
    return ["-global", "virtio-mmio.force-legacy=off", "-global", "virtio-mmio.ioeventfd=off"]


def _direct_boot(boot: DirectBoot) -> list[str]:
    """Return what QEMU passes to firmware as the kernel to start."""
    initrd = ["-initrd", str(boot.initrd)] if boot.initrd else []
    return ["-kernel", str(boot.kernel), *initrd, "-append", boot.command_line]


def _guest(options: RunOptions, handoff: HandoffFiles, files: RunFiles) -> list[str]:
    """Return the object that makes the machine confidential; none for a plain guest."""
    if not PLATFORMS[options.platform].is_confidential:
        return []
    properties = {
        "handoff": _value(handoff.map),
        "host-backing": options.backing,
        "host-in-place": "on" if HOST_POLICIES[options.host].in_place else "off",
        "host-implicit": "on" if options.converts_implicitly else "off",
        "host-assign": options.host_assign,
        "report": _value(files.report),
    }
    properties |= _PENDING_VE[options.pending_ve] | _SEV_FEATURES[options.sev_features]
    if PLATFORMS[options.platform].has_tdx_module:
        properties |= {
            "module": options.tdx_module,
            "shared-access": options.answer_to_shared_access,
        }
    if options.events:
        properties["events"] = _value(files.raw_events)
        properties["snapshots"] = _value(files.snapshots)
    if files.skip_list.exists():
        properties["skip-list"] = _value(files.skip_list)
    schedule = parse_schedule(options.schedule)
    if schedule:
        properties["schedule"] = schedule.property_value
    if options.hold:
        properties["hold"] = "on"
    if options.attacks:
        properties["attacks"] = _value(files.attacks)
    if options.hotplug:
        properties["hotplug"] = _value(files.hotplug)
    if files.probes.exists():
        properties["probes"] = _value(files.probes)
    listed = "".join(f",{name}={value}" for name, value in properties.items())
    return ["-object", f"{PLATFORMS[options.platform].emulator_object},id={_OBJECT}{listed}"]


def with_properties(command: list[str], properties: Mapping[str, str]) -> list[str]:
    """Return the command of a confidential guest with more properties of the emulator's object."""
    more = "".join(f",{name}={value}" for name, value in properties.items())
    return [f"{word}{more}" if f",id={_OBJECT}," in word else word for word in command]


def _value(path: Path) -> str:
    """Return a path as a QEMU option's value: a comma in it is doubled."""
    return str(path).replace(",", ",,")
