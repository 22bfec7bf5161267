# SPDX-License-Identifier: GPL-2.0-only
"""What stands between us and eBPF on this machine, each in one line that says what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from acceptlab.toolkit.collect import bcc_library
from acceptlab.toolkit.errors import MachineError

_LOCKDOWN = Path("/sys/kernel/security/lockdown")
_UPROBES = Path("/sys/bus/event_source/devices/uprobe/type")
_KPROBES = Path("/sys/bus/event_source/devices/kprobe/type")
_BPF = Path("/proc/sys/kernel/unprivileged_bpf_disabled")
"""Exists where the kernel has the bpf system call (Documentation/admin-guide/sysctl/kernel.rst)."""


def check_uprobes() -> None:
    """Raise MachineError with the first thing that keeps us from probing a process."""
    _raise_first(against_uprobes())


def check_kprobes() -> None:
    """Raise MachineError with the first thing that keeps us from probing the kernel."""
    _raise_first(against_kprobes())


def against_uprobes() -> list[str]:
    """Return what keeps us from probing a process, each with what to do; nothing when we can."""
    return [*_common(), *_absent(_UPROBES, "uprobes (CONFIG_UPROBE_EVENTS)")]


def against_kprobes() -> list[str]:
    """Return what keeps us from probing the kernel, each with what to do; nothing when we can."""
    return [*_common(), *_absent(_KPROBES, "kprobes (CONFIG_KPROBE_EVENTS)")]


def _raise_first(problems: list[str]) -> None:
    if problems:
        raise MachineError(problems[0])


def _common() -> Iterator[str]:
    if not _BPF.exists():
        yield "this kernel lacks BPF: use one with CONFIG_BPF_SYSCALL"
    if os.geteuid() != 0:
        yield "collecting by eBPF needs root: try sudo"
    if lockdown() == "confidentiality":
        yield "the kernel is locked down (confidentiality), which blocks eBPF: boot without lockdown="
    if bcc_library.find() is None:
        yield f"bcc is missing: apt-get install --no-install-recommends {bcc_library.PACKAGE}"


def _absent(device: Path, what: str) -> Iterator[str]:
    if not device.exists():
        yield f"this kernel lacks {what}: use one that has it"


def lockdown() -> str:
    """Return the kernel's lockdown mode (kernel_lockdown(7)): none, integrity, confidentiality; "none" where it has no such thing."""
    try:
        text = _LOCKDOWN.read_text()
    except OSError:
        return "none"
    return text.partition("[")[2].partition("]")[0] or "none"
