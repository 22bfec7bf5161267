# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel image was built for, as far as its configuration, its symbols and its code tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.kernel import kernel_facts
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.toolkit.platforms import PLATFORMS


@dataclass(frozen=True)
class Support:
    """Whether the kernel can be a guest of the platform (None: its symbols are not known), and accept memory lazily.

    `symbols`: whether any symbol of it was found.
    """

    platform: bool | None
    unaccepted_memory: bool
    symbols: bool = True


def support_of(
    platform: str, config: Path | None, symbols: Iterable[str], knows_unaccepted: bool
) -> Support:
    """Return what a kernel was built for: by its configuration if available, else by its symbols."""
    if config:
        has_option = PLATFORMS[platform].kernel_option in config.read_text().splitlines()
        return Support(has_option, knows_unaccepted, any(True for _ in symbols))
    names = set(symbols)
    shows = kernel_facts.names(kernel_facts.EARLY_INIT, platform)
    prefixes = ("", *in_force(kernel_facts.STARTUP_PREFIXES))
    known = any(before + name in names for before in prefixes for name in shows)
    return Support(known if names else None, knows_unaccepted, bool(names))


def outweighed(support: Support, acts_as_guest: bool) -> Support:
    """Return what a run leaves of the support: a kernel that acts as a guest of the platform can be one, whatever it seemed."""
    return replace(support, platform=True) if acts_as_guest else support


def remark(support: Support, platform: str) -> str:
    """Return one line about what the kernel lacks, or ""."""
    if support.platform is False:
        return f"kernel lacks support for {PLATFORMS[platform].title} guests"
    if not support.unaccepted_memory:
        return "kernel lacks CONFIG_UNACCEPTED_MEMORY; firmware accepted memory on its behalf"
    return ""
