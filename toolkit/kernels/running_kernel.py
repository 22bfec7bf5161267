# SPDX-License-Identifier: GPL-2.0-only
"""The kernel that runs here, as far as a recorder inside a guest has to know it. Needs Python alone."""

from __future__ import annotations

import os
from pathlib import Path

from acceptlab.analysis.kernel import accept_arguments
from acceptlab.analysis.kernel.btf import parameters

BTF = Path("/sys/kernel/btf/vmlinux")
"""Of kernels with CONFIG_DEBUG_INFO_BTF."""


def release() -> str:
    """Return its release, such as 6.12.1."""
    return os.uname().release


def arguments(function: str) -> tuple[str, ...]:
    """Return the names of the first two arguments of one of its functions, none where nothing tells."""
    told = parameters(_btf(), function) if function == accept_arguments.FUNCTION else ()
    return accept_arguments.arguments(function, release(), told)


def _btf() -> bytes:
    try:
        return BTF.read_bytes()
    except OSError:
        return b""
