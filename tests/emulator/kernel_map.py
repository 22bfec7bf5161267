# SPDX-License-Identifier: GPL-2.0-only
"""Addresses of test guests that run in the kernel map (tests/guests/kernel_map.h)."""

from __future__ import annotations

from tests.emulator import guest_images
from tests.emulator.bare_run import BareRun

KERNEL_MAP = 0xFFFFFFFF80000000
"""Linux, Documentation/arch/x86/x86_64/mm.rst: where the text mapping begins."""
LINKED_AT = 0xFFFFFFFF81000000
"""Where a kernel is linked (CONFIG_PHYSICAL_START). The guests run so much lower that KASLR seems to have moved them."""


def running(run: BareRun, symbol: str) -> int:
    """Return the address at which the guest runs a symbol in the kernel map."""
    return KERNEL_MAP + run.at(symbol)


def linked(guest: str, platform: str, symbol: str) -> int:
    """Return the address of a symbol in a kernel's symbol table, before KASLR."""
    return LINKED_AT + guest_images.build(guest, platform).symbols[symbol]
