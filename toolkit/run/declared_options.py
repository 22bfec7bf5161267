# SPDX-License-Identifier: GPL-2.0-only
"""The options of one run, each declared once: command line, sweeps, cache key and run.json read them from here."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from acceptlab.analysis.run.ktap import KUNIT_FILTER
from acceptlab.analysis.run.run_info import POLICIES, POLICY
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.memory_map import (
    LOW_RAM_END,
    Q35_LOW_RAM_END,
    MemoryRequest,
    parse_policy,
    parse_range,
    usable_ram,
)
from acceptlab.toolkit.firmware.numa import Node, nodes_of
from acceptlab.toolkit.firmware.ovmf_package import NAMES as OVMF_NAMES
from acceptlab.toolkit.firmware.ovmf_package import from_anywhere as firmware_from_anywhere
from acceptlab.toolkit.guest import command
from acceptlab.toolkit.guest.disk_modules import MODES, OVERLAY
from acceptlab.toolkit.guest.root_image import absolute as root_from_anywhere
from acceptlab.toolkit.guest.workloads import (
    OFFERED,
    Workload,
    from_anywhere,
    start_of_second,
)
from acceptlab.toolkit.platforms import ANY_PROCESSOR, CONFIDENTIAL, INNER, PLATFORMS, PROCESSORS
from acceptlab.toolkit.run.devices import DEVICES, MACHINES, MICROVM, Q35
from acceptlab.toolkit.run.host_policies import DEFAULT_HOST, HOST_POLICIES
from acceptlab.toolkit.run.hotplug import (
    ONLINE_DEFAULT,
    ONLINE_PARAMETER,
    START_PARAMETER,
    Script,
    parse_script,
)
from acceptlab.toolkit.run.option import (
    FIRMWARE,
    GUEST,
    HOST,
    KERNEL,
    OUTPUT,
    RECORDING,
    WORKLOAD,
    option,
)
from acceptlab.toolkit.run.schedule import KINDS, ROUND_ROBIN
from acceptlab.toolkit.sizes import parse_size

_BASE_COMMAND_LINE = "console=ttyS0 panic=-1"
"""panic=-1: reboot at once, which ends the emulator; the panic itself is on the console."""

_LOW_MEMORY = {"3G": LOW_RAM_END, "2G": Q35_LOW_RAM_END}
"""MemoryRequest.low_end by DeclaredOptions.low_memory."""

_ACCEPT_MEMORY = "accept_memory="
_CRASH_MEMORY = "crashkernel=256M"
"""Enough for a distribution's kernel as confidential guest, whose bounce buffers alone are 64 MiB (Linux mem_encrypt.c)."""


HANDOFF = "handoff"
"""Value of ``firmware``: none."""
BY_POLICY = "policy"
"""Value of ``host_backing``: that of the host policy."""


@dataclass(frozen=True)
class DeclaredOptions:
    """The options as fields (toolkit.run.option), and what follows from them. Values are as on the command line, and not checked."""

    kernel: str
    _: KW_ONLY  # so that a new option changes no call
    platform: str = option(
        CONFIDENTIAL[0], "--platform", "AMD SEV-SNP or Intel TDX.", GUEST,
        choices=CONFIDENTIAL, inner_choices=INNER, always_shown=True,
    )  # fmt: skip
    memory: str = option(
        "16G", "--memory", "RAM of the guest, such as 512M, 16G or 256G.", GUEST, always_shown=True
    )
    cpus: int = option(1, "--cpus", "Number of vCPUs, 1 to 64.", GUEST, always_shown=True)
    cpu: str = option(
        ANY_PROCESSOR,
        "--cpu",
        "Processor: "
        + "; ".join(
            f"{' or '.join(one.processors)} ({one.title})"
            for one in PLATFORMS.values()
            if one.processors
        )
        + f"; or {ANY_PROCESSOR}, all that the emulator has. Features that the emulator lacks are off.",
        GUEST,
        choices=(ANY_PROCESSOR, *PROCESSORS),
        emulator_only=True,
    )
    la57: bool = option(
        False, "--la57", "Five levels of page tables (LA57), for a TD.", GUEST, emulator_only=True
    )
    accept: str = option(
        "lazy",
        "--accept",
        "Acceptance policy, passed as the kernel's accept_memory= parameter: lazy or eager. The series lazy-accept "
        "also has deferred[:THREADS], lazy+deferred[:THREADS] and fault[:UNITS]. accept_memory= in --append overrides it.",
        GUEST,
        metavar="POLICY",
        offered=POLICIES,
        always_shown=True,
    )
    holes: tuple[str, ...] = option(
        (), "--hole", "Memory hole: RAM that the guest lacks. May be repeated.", GUEST,
        metavar="START-END", emulator_only=True,
    )  # fmt: skip
    numa: int = option(
        1, "--numa", "Number of nodes (NUMA), 1 to 8: the SRAT divides memory and vCPUs among them.", GUEST,
        emulator_only=True,
    )  # fmt: skip
    machine: str = option(
        MICROVM,
        "--machine",
        "Machine of the emulator: microvm (fast; devices on virtio-mmio), or q35 (with PCI; RAM below 4 GiB ends as in q35). With "
        "--firmware it is a q35.",
        GUEST,
        choices=MACHINES,
        emulator_only=True,
    )
    devices: tuple[str, ...] = option(
        (), "--device", "Another virtio device, whose driver is loaded: rng (random numbers). "
        "May be repeated.", GUEST,
        metavar="DEVICE", offered=tuple(DEVICES), emulator_only=True,
    )  # fmt: skip
    seed: int = option(
        1, "--seed", "Random seed (RDRAND, hence KASLR).", GUEST,
        emulator_only=True, always_shown=True,
    )  # fmt: skip
    pending_ve: str = option(
        "off",
        "--pending-ve",
        "Whether a TD gets #VE on access to a pending page: off (SEPT_VE_DISABLE), on, or guest: off until the guest "
        "enables it.",
        GUEST,
        choices=("off", "on", "guest"),
        emulator_only=True,
    )
    tdx_module: str = option(
        "1.5",
        "--tdx-module",
        "Version of the TDX module: 1.5, or 2.0, which also has REDUCE_VE and TDG.MEM.PAGE.RELEASE.",
        GUEST,
        choices=("1.5", "2.0"),
        emulator_only=True,
    )
    sev_features: str = option(
        "none",
        "--sev-features",
        "SEV features of an SNP guest: none, as KVM and QEMU start it unless they are asked for more, or debug-swap (DebugSwap: "
        "the guest's accesses of DR7 are not intercepted).",
        GUEST,
        choices=("none", "debug-swap"),
        emulator_only=True,
    )
    threads: str = option(
        "single", "--threads", "multi: one thread per vCPU. Faster, but not repeatable.", GUEST,
        choices=("single", "multi"), emulator_only=True,
    )  # fmt: skip
    firmware: str = option(
        HANDOFF,
        "--firmware",
        "Firmware that starts the kernel: handoff (none: memory as firmware leaves it, made by acceptlab), ovmf, ovmf-amdsev "
        "or ovmf-inteltdx (Debian's images; with :SUITE for another suite's), or an image. With firmware the machine is a q35.",
        FIRMWARE,
        metavar="NAME|FILE",
        offered=(HANDOFF, *OVMF_NAMES),
        emulator_only=True,
        portable=firmware_from_anywhere,
    )
    schedule: str = option(
        ROUND_ROBIN,
        "--schedule",
        "Order in which vCPUs take turns: round-robin; random:SEED[:INSTRUCTIONS] (turns of random length, the next vCPU at "
        "random); pct:SEED[:DEPTH] (random priorities, changed DEPTH times); or at-events:SEED[:PERCENT] (another vCPU after "
        "some of the events). @START-END limits it to a window of the guest's instructions.",
        GUEST,
        metavar="SCHEDULE",
        offered=KINDS,
        emulator_only=True,
    )
    firmware_accepts: str = option(
        "below-4g",
        "--firmware-accepts",
        "Memory accepted by firmware: below-4g, minimal, minimal+N (N in MiB), or all.",
        FIRMWARE,
        offered=("below-4g", "minimal", "all"),
        emulator_only=True,
        always_shown=True,
    )
    accepted: tuple[str, ...] = option(
        (),
        "--accepted",
        "Additional range accepted by firmware, in 4K pages. May be repeated.",
        FIRMWARE,
        metavar="START-END",
        emulator_only=True,
    )
    handoff: str = option(
        "table",
        "--handoff",
        "How the kernel learns of unaccepted memory: the EFI stub's table; EFI's memory map alone (a boot loader that "
        "skips the stub); or the kernel's own stub, entered with EFI boot services.",
        FIRMWARE,
        choices=("table", "memory-map", "stub"),
        old_names=("--hand-over",),
        emulator_only=True,
    )
    low_memory: str = option(
        "3G",
        "--low-memory",
        "Where RAM below 4 GiB ends: 3G, as in QEMU's microvm, or 2G, as in q35 (where a guest of less than 2.75G has all of it "
        "below).",
        FIRMWARE,
        choices=tuple(_LOW_MEMORY),
        emulator_only=True,
    )
    host: str = option(
        DEFAULT_HOST,
        "--host",
        "Host policy: "
        + "; ".join(f"{one.name} ({one.about})" for one in HOST_POLICIES.values())
        + ".",
        HOST,
        choices=tuple(HOST_POLICIES),
        emulator_only=True,
        always_shown=True,
    )
    host_backing: str = option(
        BY_POLICY, "--host-backing", "Page size of the host's backing; policy: as --host has it.", HOST,
        choices=("2M", "4K"), inner_choices=(BY_POLICY,), emulator_only=True,
    )  # fmt: skip
    host_assign: str = option(
        "demand", "--host-assign", "Host assigns pages on demand, or all in advance.", HOST,
        choices=("demand", "advance"), emulator_only=True, always_shown=True,
    )  # fmt: skip
    shared_access: str = option(
        BY_POLICY,
        "--shared-access",
        "What the host makes of a TD's shared access to a private page: stop (fatal exit), ve (#VE), or convert (to shared, as "
        "KVM and QEMU do); policy: as --host has it.",
        HOST,
        choices=("stop", "ve", "convert"),
        inner_choices=(BY_POLICY,),
        emulator_only=True,
    )
    attacks: tuple[str, ...] = option(
        (),
        "--attack",
        "Inject a malicious host action, such as 'accepted remap 0x40000000'. May be repeated.",
        HOST,
        metavar="'WHEN ACTION NUMBER'",
        emulator_only=True,
    )
    hotplug: tuple[str, ...] = option(
        (),
        "--hotplug",
        "Add or remove memory while the guest runs, such as 'userspace add 1G': WHEN is the beginning of a stage, or +5s after the "
        "step before; add SIZE, remove (ACPI), or resize SIZE (a virtio-mem device); or, by a malicious host, remove-ignored (the "
        "memory stays), remove-kept (its pages stay, and are there when it is added again) and remove-swapped (it gives another "
        "page when it is added again), and the same of resize. May be repeated, in order.",
        HOST,
        metavar="'WHEN ACT [SIZE]'",
        emulator_only=True,
    )
    hardware: bool = option(
        False, "--hardware", "Run the guest on this host by stock QEMU and KVM (see `acceptlab doctor`).", HOST
    )  # fmt: skip
    kaslr: bool = option(
        True, "--kaslr", "Randomize the kernel's addresses.", KERNEL, off="--no-kaslr"
    )
    append: str = option(
        "", "--append", "Additional kernel command line parameters.", KERNEL, metavar="TEXT"
    )
    vmlinux: str = option(
        "", "--vmlinux", "File with the kernel's symbols; by default its own kallsyms.", KERNEL,
        metavar="FILE", emulator_only=True,
    )  # fmt: skip
    initrd: str = option(
        "",
        "--initrd",
        "Initramfs to use instead of ours; the run reaches userspace when it prints 'ACCEPTLAB done'.",
        KERNEL,
        metavar="FILE",
    )
    workloads: tuple[str, ...] = option(
        (),
        "--workload",
        "Work to do in userspace: touch:SIZE, together:SIZE (on all vCPUs at once), tmpfs:SIZE, huge:SIZE, processes:N, "
        "idle:SECONDS; exhaust (allocate until nothing is unaccepted); kexec or kdump (:KERNEL for another one) start a second "
        "kernel, which does the rest; vmcore reads the crashed kernel's memory; kcore and devmem read /proc/kcore and /dev/mem; "
        "breakpoint sets one; plugged:SIZE and unplugged wait until --hotplug's memory is online, or gone, and online and offline "
        "set its state; ftrace prints the ftrace buffer, stats counters of acceptance. May be repeated.",
        WORKLOAD,
        metavar="NAME:ARG",
        offered=OFFERED,
        portable=from_anywhere,
    )
    program: str = option(
        "",
        "--exec",
        "Program of this machine to run in userspace, with its arguments, after the workloads; a program behind -- does the same. It "
        "comes into the guest with the libraries that it loads; with --root it is a program of the root file system. Exit code 1 if "
        "it fails.",
        WORKLOAD,
        metavar="'PROGRAM ARG...'",
        emulator_only=True,
        portable=command.absolute,
        portable_without="root",
    )
    root: str = option(
        "",
        "--root",
        "Root file system, in which --exec, a program behind -- and --shell run: a folder, an image, or debian:SUITE[,PACKAGE...] "
        "(packages unpacked, and not configured). It is on a virtio disk.",
        WORKLOAD,
        metavar="DIR|IMAGE|debian:SUITE",
        emulator_only=True,
        portable=root_from_anywhere,
    )
    root_mode: str = option(
        OVERLAY,
        "--root-mode",
        "How the root file system is mounted: overlay (what is written stays in the guest's memory), ro, or rw (in the emulator's "
        "copy of the image; nothing is left of it).",
        WORKLOAD,
        choices=MODES,
        emulator_only=True,
    )
    modules: str = option(
        "",
        "--modules",
        "Folder of the kernel's modules, or its build tree, where they are not beside its image or in its Debian package. Those "
        "that --root needs are loaded.",
        KERNEL,
        metavar="DIR",
        emulator_only=True,
        portable=lambda text: str(Path(text).resolve()) if text else "",
    )
    kunit: str = option(
        "",
        "--kunit",
        "Run the KUnit suites and tests that match the filter, such as 'unaccepted*' or 'suite.test', at boot: for a kernel with "
        "CONFIG_KUNIT=y. Exit code 1 if one fails, or none runs.",
        WORKLOAD,
        metavar="FILTER",
    )
    probes: tuple[str, ...] = option(
        (), "--probe", "Record entry and return of a kernel function. May be repeated.", RECORDING,
        metavar="FUNCTION",
    )  # fmt: skip
    probe_locks: tuple[str, ...] = option(
        (),
        "--probe-lock",
        "Record acquisition and release of a spin lock; unaccepted_memory_lock decides I8 (no accept under the lock). May be "
        "repeated.",
        RECORDING,
        metavar="LOCK",
        emulator_only=True,
    )
    counts: tuple[str, ...] = option(
        (),
        "--count",
        "Count how often a kernel function is executed, by stage, in run.json: cheap, and no event. May be repeated.",
        RECORDING,
        metavar="FUNCTION",
        emulator_only=True,
    )
    default_probes: bool = option(
        True,
        "--default-probes",
        "Probe accept_memory() and unaccepted_memory_lock, which decide I5 and I8, where the kernel has both.",
        RECORDING,
        off="--no-default-probes",
        emulator_only=True,
    )
    events: bool = option(True, "--events", "Record events.", RECORDING, off="--no-events")
    hold: bool = option(
        False,
        "--hold",
        "Wait before the first event until `acceptlab collect --emulator RUN` has attached.",
        RECORDING,
        emulator_only=True,
        part_of_run=False,
    )
    qmp: str = option(
        "",
        "--qmp",
        "Offer QEMU's monitor protocol (QMP) on a Unix socket with this path while the guest runs.",
        OUTPUT,
        metavar="SOCKET",
        emulator_only=True,
        part_of_run=False,
    )
    from_saved: str = option(
        "",
        "--from-saved",
        "Go on from a guest that `acceptlab debug --save` has saved in the middle of the same run, in place of a boot.",
        RECORDING,
        metavar="DIR",
        emulator_only=True,
        part_of_run=False,
    )
    time_limit: float = option(
        600.0, "--time-limit", "Stop the guest after this wall time.", OUTPUT,
        metavar="SECONDS", always_shown=True, part_of_run=False,
    )  # fmt: skip

    @property
    def has_firmware(self) -> bool:
        """Return whether real firmware starts the kernel, in place of a boot handoff."""
        return self.firmware != HANDOFF

    @property
    def has_pci(self) -> bool:
        """Return whether the machine is a q35, with devices on PCI."""
        return self.has_firmware or self.machine == Q35

    @property
    def backing(self) -> str:
        """Return the largest page that the host maps: 2M or 4K."""
        named = self.host_backing
        return HOST_POLICIES[self.host].backing if named == BY_POLICY else named

    @property
    def converts_implicitly(self) -> bool:
        """Return whether the host converts a page at an access of the other kind."""
        return HOST_POLICIES[self.host].implicit and self.shared_access in (BY_POLICY, "convert")

    @property
    def answer_to_shared_access(self) -> str:
        """Return what the host makes of a TD's shared access to a private page."""
        if self.shared_access != BY_POLICY:
            return self.shared_access
        return "convert" if HOST_POLICIES[self.host].implicit else "stop"

    @property
    def memory_bytes(self) -> int:
        """Return the RAM of the machine in bytes, holes included."""
        size = parse_size(self.memory, what="--memory")
        if size == 0:
            raise BadInputError("--memory 0: must be more than 0, such as 2G")
        return size

    @property
    def memory_request(self) -> MemoryRequest:
        """Return memory as the boot handoff wants it described."""
        return MemoryRequest(
            self.memory_bytes,
            parse_policy(self.firmware_accepts),
            tuple(parse_range(text, what="--hole") for text in self.holes),
            tuple(parse_range(text, what="--accepted") for text in self.accepted),
            Q35_LOW_RAM_END if self.machine == Q35 else _LOW_MEMORY[self.low_memory],
        )

    @property
    def hotplug_script(self) -> Script:
        """Return what memory the host adds and removes, where and when."""
        return parse_script(
            self.hotplug, usable_ram(self.memory_request, self.platform), self.platform
        )

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Return the guest's nodes (NUMA); none where it has only one."""
        return nodes_of(usable_ram(self.memory_request, self.platform), self.numa)

    @property
    def second_start(self) -> Workload | None:
        """Return the workload that starts a second kernel, or None."""
        return start_of_second(self.workloads)

    @property
    def policy(self) -> str:
        """Return the policy that the kernel goes by: its last accept_memory=, which may be one of ``append``.

        A word that is no policy leaves a kernel at its default.
        """
        found = [word for word in self.append.split() if word.startswith(_ACCEPT_MEMORY)]
        last = found[-1].removeprefix(_ACCEPT_MEMORY) if found else self.accept
        return last if POLICY.fullmatch(last) else POLICIES[0]

    @property
    def command_line(self) -> str:
        """Return the kernel's command line, without the words that the workloads add."""
        words = [_BASE_COMMAND_LINE, f"{_ACCEPT_MEMORY}{self.accept}"]
        second = self.second_start
        if second and second.name == "kdump" and "crashkernel=" not in self.append:
            words.append(_CRASH_MEMORY)
        if not self.kaslr:
            words.append("nokaslr")
        if self.hotplug:
            words.append(f"{START_PARAMETER}{self.hotplug_script.slots[0].start:#x}")
            if ONLINE_PARAMETER not in self.append:
                words.append(f"{ONLINE_PARAMETER}{ONLINE_DEFAULT}")
        if self.kunit:
            words += ["kunit.enable=1", f"{KUNIT_FILTER}{self.kunit}"]
        if self.append:
            words.append(self.append)
        return " ".join(words)
