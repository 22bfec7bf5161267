# SPDX-License-Identifier: GPL-2.0-only
"""What a user asks of one run, and the shell line that asks for it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields

from acceptlab.analysis.run.run_info import POLICIES, POLICY
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.memory_map import (
    MemoryRequest,
    parse_policy,
    parse_range,
    usable_ram,
)
from acceptlab.toolkit.guest.workloads import (
    Workload,
    from_anywhere,
    start_of_second,
    workload_options,
)
from acceptlab.toolkit.run.attacks import check_attack
from acceptlab.toolkit.sizes import parse_size

MAX_VCPUS_ON_HARDWARE = 4096
"""KVM's own limit on x86-64 (KVM_MAX_VCPUS, Linux 6.12)."""
MAX_VCPUS = 16
"""Up to here vCPUs have been tried (the machine itself would take 255)."""
_EMULATOR_ONLY = {
    "host_backing": "host-backing",
    "host_assign": "host-assign",
    "pending_ve": "pending-ve",
    "firmware_accepts": "firmware-accepts",
    "hand_over": "hand-over",
    "holes": "hole",
    "accepted": "accepted",
    "seed": "seed",
    "probe_locks": "probe-lock",
    "attacks": "attack",
    "vmlinux": "vmlinux",
    "threads": "threads",
    "hold": "hold",
}
"""Fields, and the options that set them, of which real hosts and real firmware know nothing."""
_MAX_SEED = (1 << 63) - 1
_BASE_COMMAND_LINE = "console=ttyS0 panic=-1"
"""panic=-1: reboot at once, which ends the emulator; the panic itself is on the console."""

_ACCEPT_MEMORY = "accept_memory="
_CRASH_MEMORY = "crashkernel=256M"
"""Enough for a distribution's kernel as confidential guest, whose bounce buffers alone are 64 MiB (Linux mem_encrypt.c)."""


@dataclass(frozen=True)
class RunOptions:
    """One run as the user described it; texts as on the command line, already known to be well-formed."""

    kernel: str
    platform: str = "snp"
    memory: str = "16G"
    cpus: int = 1
    accept: str = "lazy"
    """The kernel's accept_memory= word: a policy of ``POLICIES``, or several joined by "+", and perhaps ":NUMBER".

    See ``policy``.
    """
    host_backing: str = "2M"
    host_assign: str = "demand"
    firmware_accepts: str = "below-4g"
    holes: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    seed: int = 1
    kaslr: bool = True
    append: str = ""
    workloads: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    probe_locks: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    vmlinux: str = ""
    threads: str = "single"
    events: bool = True
    time_limit: float = 600.0
    initrd: str = ""
    """A file to load as initramfs instead of ours."""
    hand_over: str = "table"
    """How the kernel learns what is unaccepted: see ``toolkit.firmware.boot_handoff.SHAPES``."""
    hold: bool = False
    """Stop before the first event until a collector, or SIGCONT, lets the emulator go on; no part of what the run is."""
    pending_ve: str = "off"
    """Whether a TD is told by #VE when it touches a pending page: off (SEPT_VE_DISABLE is set), on, or guest: off until the
    guest asks for it (CONFIG_FLAGS.FLEXIBLE_PENDING_VE)."""
    hardware: bool = False
    """Launch the guest by stock QEMU on a host that can, not in the emulator."""

    def __post_init__(self) -> None:
        """Raise BadInputError for a value that no run can have."""
        most = MAX_VCPUS_ON_HARDWARE if self.hardware else MAX_VCPUS
        if not 1 <= self.cpus <= most:
            raise BadInputError(f"--cpus {self.cpus}: give 1 to {most}")
        self._refuse_what_hardware_has_not()
        if not POLICY.fullmatch(self.accept):
            raise BadInputError(
                f"--accept {self.accept}: one of {', '.join(POLICIES)}, or several joined by '+'; "
                "a number may follow, as in deferred:4"
            )
        if self.pending_ve != "off" and self.platform != "tdx":
            raise BadInputError("--pending-ve: only a TD has #VE; add --platform tdx")
        if not 0 <= self.seed <= _MAX_SEED:
            raise BadInputError(f"--seed {self.seed}: give 0 to {_MAX_SEED}")
        if not self.time_limit > 0:
            raise BadInputError(f"--time-limit {self.time_limit:g}: give seconds, more than 0")
        if len(set(self.probes)) != len(self.probes):
            raise BadInputError("--probe: each function once is enough")
        if len(set(self.probe_locks)) != len(self.probe_locks):
            raise BadInputError("--probe-lock: each lock once is enough")
        # Long before a hand-over is built, and an emulator for it.
        ram = usable_ram(self.memory_request, self.platform)
        workload_options(self.workloads)
        for text in self.attacks:
            check_attack(text, self.platform, ram)

    def _refuse_what_hardware_has_not(self) -> None:
        """Raise BadInputError for what only the emulator can do."""
        if not self.hardware:
            return
        for field in fields(self):
            if field.name in _EMULATOR_ONLY and getattr(self, field.name) != field.default:
                option = "--" + _EMULATOR_ONLY[field.name]
                raise BadInputError(
                    f"{option}: only the emulator can do that; leave it out, or --hardware"
                )

    @property
    def memory_bytes(self) -> int:
        """Return the RAM of the machine in bytes, holes included."""
        size = parse_size(self.memory, what="--memory")
        if size == 0:
            raise BadInputError("--memory 0: a guest needs memory; 2G is a good start")
        return size

    @property
    def memory_request(self) -> MemoryRequest:
        """Return memory as the hand-over wants it described."""
        return MemoryRequest(
            self.memory_bytes,
            parse_policy(self.firmware_accepts),
            tuple(parse_range(text, what="--hole") for text in self.holes),
            tuple(parse_range(text, what="--accepted") for text in self.accepted),
        )

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
        if self.append:
            words.append(self.append)
        return " ".join(words)

    def reproduce(self, kernel: str) -> str:
        """Return the shell line that makes this run again; `kernel` is the argument to name the kernel by."""
        words = ["acceptlab", "run", kernel, "--platform", self.platform, "--memory", self.memory]
        words += ["--cpus", str(self.cpus), "--accept", self.accept]
        words += ["--host-backing", self.host_backing, "--host-assign", self.host_assign]
        words += ["--firmware-accepts", self.firmware_accepts, "--seed", str(self.seed)]
        words += ["--hand-over", self.hand_over] if self.hand_over != "table" else []
        for option, texts in (
            ("--hole", self.holes),
            ("--accepted", self.accepted),
            ("--workload", [from_anywhere(text) for text in self.workloads]),
            ("--probe", self.probes),
            ("--probe-lock", self.probe_locks),
            ("--attack", self.attacks),
        ):
            words += [word for text in texts for word in (option, text)]
        words += ["--pending-ve", self.pending_ve] if self.pending_ve != "off" else []
        words += [] if self.kaslr else ["--no-kaslr"]
        words += ["--append", self.append] if self.append else []
        words += ["--vmlinux", self.vmlinux] if self.vmlinux else []
        words += ["--initrd", self.initrd] if self.initrd else []
        words += ["--threads", self.threads] if self.threads != "single" else []
        words += [] if self.events else ["--no-events"]
        words += ["--hardware"] if self.hardware else []
        words += ["--time-limit", f"{self.time_limit:g}"]
        return shlex.join(words)
