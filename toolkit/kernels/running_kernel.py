# SPDX-License-Identifier: GPL-2.0-only
"""The kernel that runs here, as far as a recorder inside a guest has to know it. Needs Python alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from acceptlab.analysis.kernel import accept_arguments
from acceptlab.analysis.kernel.btf import parameters

if TYPE_CHECKING:
    from acceptlab.analysis.kernel.symbols import Symbols

BTF = Path("/sys/kernel/btf/vmlinux")
"""Of kernels with CONFIG_DEBUG_INFO_BTF."""
KALLSYMS = Path("/proc/kallsyms")
"""Of kernels with CONFIG_KALLSYMS; addresses are 0 for those that may not see them."""


def release() -> str:
    """Return its release, such as 6.12.1."""
    return os.uname().release


def arguments(function: str) -> tuple[str, ...]:
    """Return the names of the first two arguments of one of its functions, none where nothing tells."""
    told = parameters(_btf(), function) if function == accept_arguments.FUNCTION else ()
    return accept_arguments.arguments(function, release(), told)


def symbols() -> Symbols:
    """Return its symbols and those of its modules by the addresses at which they are; none where it hides them (kptr_restrict)."""
    from acceptlab.analysis.kernel.symbols import Symbols  # loads numpy

    try:
        lines = [line.split()[:3] for line in KALLSYMS.read_text().splitlines()]
        found = [(int(address, 16), kind, name) for address, kind, name in lines]
    except (OSError, ValueError):
        found = []
    return Symbols(one for one in found if one[0])


def _btf() -> bytes:
    try:
        return BTF.read_bytes()
    except OSError:
        return b""
