# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel image was built for, as far as its configuration, its symbols and its code tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_EARLY_INIT = {"snp": "snp_init", "tdx": "tdx_early_init"}
"""A function that every kernel with support for the platform has (arch/x86/kernel/sev.c, arch/x86/coco/tdx/tdx.c)."""
_OPTION = {"snp": "CONFIG_AMD_MEM_ENCRYPT=y", "tdx": "CONFIG_INTEL_TDX_GUEST=y"}
_NAME = {"snp": "SEV-SNP", "tdx": "TDX"}


@dataclass(frozen=True)
class Support:
    """Whether the kernel can be a guest of the platform (None: its symbols are not known), and accept memory lazily."""

    platform: bool | None
    unaccepted_memory: bool


def support_of(
    platform: str, config: Path | None, symbols: Iterable[str], knows_unaccepted: bool
) -> Support:
    """Tell what a kernel was built for: by its configuration where that is at hand, else by its symbols."""
    if config:
        return Support(_OPTION[platform] in config.read_text().splitlines(), knows_unaccepted)
    names = set(symbols)
    return Support(_EARLY_INIT[platform] in names if names else None, knows_unaccepted)


def remark(support: Support, platform: str) -> str:
    """Return one line about what the kernel lacks, or ""."""
    if support.platform is False:
        return f"this kernel is not built to be a {_NAME[platform]} guest"
    if not support.unaccepted_memory:
        return "this kernel knows nothing of unaccepted memory, so firmware accepted what it could for it"
    return ""
