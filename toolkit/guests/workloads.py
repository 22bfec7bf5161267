# SPDX-License-Identifier: GPL-2.0-only
"""What a guest does in userspace, as users write it: ``touch:512M``, ``processes:200`` ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import BadInputError
from toolkit.guests.sizes import parse_size

_SIZED = ("touch", "tmpfs", "huge")
_COUNTED = ("processes", "idle")
_MAX_WORKLOADS = 16
_HELP = "write touch:SIZE, tmpfs:SIZE, huge:SIZE (SIZE or all), processes:N, idle or idle:SECONDS"


@dataclass(frozen=True)
class Workload:
    """One workload; ``argument`` is spelt as the guest's init reads it."""

    name: str
    argument: str

    @property
    def option(self) -> str:
        """Return the word for the kernel's command line."""
        return f"acceptlab.workload={self.name}:{self.argument}"


def parse_workload(text: str) -> Workload:
    """Read one workload. Raises BadInputError, in one line, when it is none."""
    name, _, argument = text.strip().partition(":")
    if name == "idle" and not argument:
        argument = "0"
    if name in _SIZED and argument == "all":
        return Workload(name, argument)
    if name in _SIZED and argument:
        size = parse_size(argument, what=f"workload {name}")
        if size > 0:
            return Workload(name, str(size))
    if name in _COUNTED and argument.isascii() and argument.isdigit():
        count = int(argument)
        if count > 0 or name == "idle":
            return Workload(name, str(count))
    raise BadInputError(f"workload '{text}' is unknown; {_HELP}")


def workload_options(texts: Sequence[str]) -> list[str]:
    """Return the words for the kernel's command line that run these workloads one after the other."""
    if len(texts) > _MAX_WORKLOADS:
        raise BadInputError(f"{len(texts)} workloads: give at most {_MAX_WORKLOADS}")
    return [parse_workload(text).option for text in texts]
