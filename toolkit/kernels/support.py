# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel image was built for, as far as its configuration, its symbols and its code tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

_EARLY_INIT = {
    "snp": ("snp_init", "__pi_snp_init", "snp_set_wakeup_secondary_cpu"),
    "tdx": ("tdx_early_init",),
}
"""Functions of which every kernel with support for the platform has one (arch/x86/coco/sev, arch/x86/coco/tdx/tdx.c).

From 6.18 on the startup code (arch/x86/boot/startup) is built with the prefix __pi_.
"""
_OPTION = {"snp": "CONFIG_AMD_MEM_ENCRYPT=y", "tdx": "CONFIG_INTEL_TDX_GUEST=y"}
_NAME = {"snp": "SEV-SNP", "tdx": "TDX"}


@dataclass(frozen=True)
class Support:
    """Whether the kernel can be a guest of the platform (None: its symbols are not known), and accept memory lazily.

    `symbols` tells whether any symbol of it was found.
    """

    platform: bool | None
    unaccepted_memory: bool
    symbols: bool = True


def support_of(
    platform: str, config: Path | None, symbols: Iterable[str], knows_unaccepted: bool
) -> Support:
    """Tell what a kernel was built for: by its configuration where that is at hand, else by its symbols."""
    names = set(symbols)
    if config:
        has_option = _OPTION[platform] in config.read_text().splitlines()
        return Support(has_option, knows_unaccepted, bool(names))
    known = any(name in names for name in _EARLY_INIT[platform]) if names else None
    return Support(known, knows_unaccepted, bool(names))


def outweighed(support: Support, acts_as_guest: bool) -> Support:
    """Return what a run leaves of the support: a kernel that acts as a guest of the platform can be one, whatever it seemed."""
    return replace(support, platform=True) if acts_as_guest else support


def remark(support: Support, platform: str) -> str:
    """Return one line about what the kernel lacks, or ""."""
    if support.platform is False:
        return f"this kernel is not built to be a {_NAME[platform]} guest"
    if not support.unaccepted_memory:
        return "kernel lacks CONFIG_UNACCEPTED_MEMORY; firmware accepted memory on its behalf"
    return ""
