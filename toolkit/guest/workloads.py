# SPDX-License-Identifier: GPL-2.0-only
"""What a guest does in userspace, as users write it: ``touch:512M``, ``processes:200``, ``kexec`` ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.sizes import parse_size

_SIZED = ("touch", "together", "tmpfs", "huge", "plugged")
_COUNTED = ("processes", "idle")
_SECOND = ("kexec", "kdump")
_WITHOUT_ARGUMENT = (
    "exhaust", "ftrace", "stats", "kcore", "devmem", "breakpoint", "unplugged", "online", "offline",
)  # fmt: skip
OFFERED = (
    *(f"{name}:" for name in (*_SIZED, *_COUNTED)),
    *_SECOND,
    "vmcore",
    *_WITHOUT_ARGUMENT,
)
"""Words that the shell offers; behind a colon comes a size or a number."""
_WHOLE_VMCORE = (1 << 63) - 1
_MAX_WORKLOADS = 16
_HELP = (
    "write touch:SIZE, together:SIZE, tmpfs:SIZE, huge:SIZE (SIZE or all), exhaust, processes:N, idle, idle:SECONDS, "
    "kexec or kdump (:KERNEL for another one), vmcore or vmcore:SIZE, kcore, devmem, breakpoint, ftrace, stats, "
    "plugged:SIZE, unplugged, online, offline"
)

SAME = "same"
"""Stands for the run's own kernel where a second one is named."""


@dataclass(frozen=True)
class Workload:
    """One workload; ``argument`` is spelt as the guest's init reads it."""

    name: str
    argument: str
    kernel: str = ""
    """Which kernel to start (KERNEL, or SAME); "" for a workload that starts none."""

    @property
    def option(self) -> str:
        """Return the word for the kernel's command line."""
        argument = f":{self.argument}" if self.argument else ""
        return f"acceptlab.workload={self.name}{argument}"


def parse_workload(text: str) -> Workload:
    """Read one workload. Raises BadInputError, in one line, when it is none."""
    name, colon, argument = text.strip().partition(":")
    if name in _SECOND and bool(argument) == bool(colon):
        return Workload(name, "", argument or SAME)
    if text.strip() in _WITHOUT_ARGUMENT:
        return Workload(name, "")
    if name == "idle" and not argument:
        argument = "0"
    if name == "vmcore" and (not colon or argument == "all"):
        return Workload(name, str(_WHOLE_VMCORE))
    if name in _SIZED and name != "plugged" and argument == "all":
        return Workload(name, argument)
    if name in (*_SIZED, "vmcore") and argument:
        size = parse_size(argument, what=f"workload {name}")
        if size > 0:
            return Workload(name, str(size))
    if name in _COUNTED and argument.isascii() and argument.isdigit():
        count = int(argument)
        if count > 0 or name == "idle":
            return Workload(name, str(count))
    raise BadInputError(f"workload '{text}' is unknown; {_HELP}")


def parse_workloads(texts: Sequence[str]) -> list[Workload]:
    """Read what a guest does, in order: what follows ``kexec`` or ``kdump`` is done by the second kernel's init.

    Raises BadInputError for too many, for a third kernel, and for a dump to read before there was a crash.
    """
    if len(texts) > _MAX_WORKLOADS:
        raise BadInputError(f"{len(texts)} workloads: give at most {_MAX_WORKLOADS}")
    workloads = [parse_workload(text) for text in texts]
    starts = [index for index, one in enumerate(workloads) if one.kernel]
    if len(starts) > 1:
        raise BadInputError("more than one kexec or kdump workload: give one")
    dumps = [index for index, one in enumerate(workloads) if one.name == "vmcore"]
    crashed = starts and workloads[starts[0]].name == "kdump"
    if dumps and not (crashed and dumps[0] > starts[0]):
        raise BadInputError("workload 'vmcore' requires 'kdump' before it")
    return workloads


def workload_options(texts: Sequence[str]) -> list[str]:
    """Return the words for the kernel's command line that run these workloads one after the other."""
    return [one.option for one in parse_workloads(texts)]


def start_of_second(texts: Sequence[str]) -> Workload | None:
    """Return the workload that starts a second kernel, or None."""
    return next((one for one in parse_workloads(texts) if one.kernel), None)


def from_anywhere(text: str) -> str:
    """Return the workload with the path of its kernel, if it has one, made absolute."""
    one = parse_workload(text)
    if one.kernel and Path(one.kernel).exists():
        return f"{one.name}:{Path(one.kernel).resolve()}"
    return text
