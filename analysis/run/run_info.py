# SPDX-License-Identifier: GPL-2.0-only
"""What run.json says of a run: which kernel, in what machine, on what host, and how it ended."""

from __future__ import annotations

import re
from dataclasses import field

from acceptlab.analysis.records import record
from acceptlab.analysis.run.typed_json import Json, Range, number_of

NOT_KNOWN = "not known"
"""Stands for a value that was not recorded: null in run.json."""

CLOCKS = ("instructions", "ns")
OUTCOMES = (
    "userspace",
    "stopped",
    "terminated",
    "panic",
    "triple-fault",
    "timeout",
    "killed",
)
SOURCES = ("emulator", "ebpf", "ftrace", "perf")

POLICIES = ("lazy", "eager", "deferred", "fault")
"""Policies of accept_memory=: the first two of all kernels since 6.5, all of them of the series lazy-accept."""
_NAME = f"(?:{'|'.join(POLICIES)})"
POLICY = re.compile(rf"{_NAME}(?:\+{_NAME})*(?::[0-9]{{1,9}})?")
"""The kernel's word: a policy, or several joined by "+", and optionally a number."""


@record(frozen=True)
class Blob:
    """Something that firmware left in memory for the kernel to read."""

    name: str
    start: int
    size: int


@record(frozen=True)
class Bitmap:
    """Linux's table of unaccepted memory: where it is and what its bits stand for (bytes)."""

    table: int
    phys_base: int
    unit_size: int
    size: int


@record(frozen=True)
class Handoff:
    """State of memory at the kernel's first instruction, as firmware would leave it.

    ``unaccepted`` is what the firmware's memory map calls unaccepted (type 15). ``bitmap`` is
    None when the kernel is not given the table. ``nodes`` are the spans of NUMA nodes: start, size, node; empty: one node.
    """

    ram: tuple[Range, ...] = ()
    accepted: tuple[Range, ...] = ()
    shared: tuple[Range, ...] = ()
    unaccepted: tuple[Range, ...] = ()
    blobs: tuple[Blob, ...] = ()
    bitmap: Bitmap | None = None
    nodes: tuple[tuple[int, int, int], ...] = ()


@record(frozen=True)
class EventsInfo:
    """What the conversion of the event stream said. ``sha256`` is that of events.parquet."""

    count: int = 0
    complete: bool = False
    problem: str | None = None
    sha256: str = ""


@record(frozen=True)
class Firmware:
    """Real firmware that started the kernel. ``size`` of its image in bytes; ``package`` and ``version``: Debian's, or empty.

    ``kernel_took_over``: whether a kernel ended its boot services; None: not known. ``memory_map``: (start, size, type) as
    firmware gave it to the kernel then (UEFI specification 2.10, 7.2.3). ``events``: of firmware.parquet.
    """

    name: str = ""
    path: str = ""
    package: str = ""
    version: str = ""
    sha256: str = ""
    size: int = 0
    kernel_took_over: bool | None = None
    memory_map: tuple[tuple[int, int, int], ...] = ()
    exits: int | None = None
    """VMGEXITs or TDVMCALLs until the kernel took over; None: not known."""
    events: EventsInfo = EventsInfo()

    @property
    def title(self) -> str:
        """Package and version, or the file's name."""
        if self.package:
            return f"{self.package} {self.version}"
        return self.path.rpartition("/")[2] or self.name


@record(frozen=True)
class Kernel:
    """Which kernel ran. ``vmlinux`` names a file with symbols, if there is one.

    ``package`` is the distribution's package that it came in, and that one's version: what a name stood for.
    ``configuration`` is one word for its options, the same for all kernels of a series; ``compiler`` the one that it names.
    """

    name: str = ""
    path: str = ""
    version: str = ""
    sha256: str = ""
    vmlinux: str = ""
    package: str = ""
    configuration: str = ""
    compiler: str = ""


@record(frozen=True)
class SecondKernel:
    """The kernel that the guest was to start itself; ``started_by`` is kexec or kdump."""

    started_by: str
    kernel: Kernel = Kernel()


@record(frozen=True)
class KernelSupport:
    """Whether the kernel can be a guest of the platform, and accept memory; None: not known.

    ``symbols``: whether its symbols were found. Without them functions have no names, and panic() is not detected.
    """

    platform: bool | None = None
    unaccepted_memory: bool | None = None
    symbols: bool | None = None


@record(frozen=True)
class Machine:
    """What the guest was given. ``memory`` in bytes (0: not known); ``accept`` is a word of the kernel's accept_memory= parameter, or NOT_KNOWN.

    ``accept`` is the policy that the kernel went by; ``refused`` the one that it was given and did not take, empty where it
    took it.
    """

    memory: int = 0
    cpus: int = 1
    accept: str = NOT_KNOWN
    seed: int | None = None
    kaslr: bool = False
    refused: str = ""

    @property
    def policy(self) -> str:
        """The policy for a reader: what ran, and what was refused."""
        refused = f" (requested: {self.refused}, rejected by the kernel)" if self.refused else ""
        return self.accept + refused

    @property
    def accepts_in_background(self) -> bool:
        """Whether threads of the kernel's go on accepting at any time, whatever the guest does."""
        return "deferred" in self.accept.partition(":")[0].split("+")


@record(frozen=True)
class Host:
    """Size of backing pages (2M, 4K), when the host assigns (demand, advance), and its policy's name; or NOT_KNOWN."""

    backing: str = NOT_KNOWN
    assign: str = NOT_KNOWN
    policy: str = NOT_KNOWN

    def __str__(self) -> str:
        """Sizes and moments in words, the policy where its name says more; not known, once, where nothing is."""
        if self.policy in (NOT_KNOWN, self.backing):
            return self.backing if self.backing == self.assign else f"{self.backing}, {self.assign}"
        named = f"{self.backing} ({self.policy})"
        return named if self.assign == "demand" else f"{named}, {self.assign}"


FIRST, SECOND = "first", "second"
"""The kernel that the guest begins with, and one that it starts itself."""


@record(frozen=True)
class Probe:
    """A guest function that was watched; ``address`` is its link-time address.

    ``arguments`` are the names of its first two, as far as the recorder knows them (analysis.kernel.accept_arguments).
    ``kernel`` is FIRST or SECOND where only that of the run's kernels was watched for it, else empty.
    """

    name: str
    address: int
    arguments: tuple[str, ...] = ()
    kernel: str = ""


@record(frozen=True)
class DefaultProbes:
    """Of the probes, those that nobody asked for; ``missing``: why there is none, by function or lock that the kernel lacks."""

    watched: tuple[str, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)


@record(frozen=True)
class RunInfo:
    """What run.json holds. ``outcome`` is a word of OUTCOMES, or NOT_KNOWN. ``absent`` names what this trace cannot show (analysis.trace.coverage).

    ``not_repeatable`` says why ``reproduce`` need not make the same run again; empty: it does, or the recorder did not say.
    ``initrd_sha256`` is that of the initramfs that was handed over, empty where it is not known.
    """

    platform: str
    clock: str
    outcome: str
    reason: str = ""
    source: str = "emulator"
    kernel: Kernel = Kernel()
    second: SecondKernel | None = None
    kernel_support: KernelSupport = KernelSupport()
    series: Json | None = None
    command_line: str = ""
    initrd_sha256: str = ""
    machine: Machine = Machine()
    handoff: Handoff = Handoff()
    firmware: Firmware | None = None
    host: Host = Host()
    attacks: tuple[str, ...] = ()
    hotplug: tuple[str, ...] = ()
    relaxations: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()
    default_probes: DefaultProbes = field(default_factory=DefaultProbes)
    emulator: Json = field(default_factory=dict)
    report: Json | None = None
    events: EventsInfo = EventsInfo()
    reproduce: str = ""
    not_repeatable: str = ""
    absent: tuple[str, ...] = ()
    other: Json = field(default_factory=dict)

    @property
    def series_name(self) -> str:
        """The kernel's series and how many of its patches are applied; empty where it is of none."""
        series = self.series or {}
        patches = f", {series['patches']} patches" if "patches" in series else ""
        return f"{series['name']}{patches}" if "name" in series else ""

    def series_functions(self, kind: str) -> tuple[str, ...]:
        """Functions of the kernel's series' own: ``skip``, those that only carry out an accept, or ``waits``, those that wait for one."""
        names = (self.series or {}).get(kind)
        return tuple(str(name) for name in names) if isinstance(names, list) else ()

    @property
    def kaslr_is_known(self) -> bool:
        """Whether the run has what KASLR added, or the kernel was booted without it (nokaslr): else no address has a name."""
        return "kaslr_offset" in (self.report or {}) or "nokaslr" in self.command_line.split()

    @property
    def kaslr_offset(self) -> int:
        """What KASLR added to link-time addresses, as the emulator's report says; else 0."""
        return number_of((self.report or {}).get("kaslr_offset", 0), "report.kaslr_offset")

    @property
    def second_kaslr_offset(self) -> int:
        """The same for a kernel that the guest started itself."""
        key = "second_kaslr_offset"
        return number_of((self.report or {}).get(key, 0), f"report.{key}")

    def addresses_of(self, probe: Probe, kernel: str = "") -> tuple[int, ...]:
        """Where what a probe is on lay, in each kernel that was watched for it; with `kernel`, in that one (FIRST or SECOND) alone."""
        offsets = {FIRST: self.kaslr_offset, SECOND: self.second_kaslr_offset}
        return tuple(
            (probe.address + offset) % (1 << 64)
            for one, offset in offsets.items()
            if probe.kernel in ("", one) and kernel in ("", one)
        )
