# SPDX-License-Identifier: GPL-2.0-only
"""Kernel modules in the guests' initramfs, which init loads in the order of their names (init-root.c)."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.toolkit.guest.cpio import directory, regular, write_cpio
from acceptlab.toolkit.kernels.modules import Module

OVERLAY, READ_ONLY, WRITABLE = "overlay", "ro", "rw"
MODES = (OVERLAY, READ_ONLY, WRITABLE)
"""How the root file system is mounted: what is written stays in the guest's memory; it cannot be written; in the emulator's copy."""
ROOT_PARAMETER = "acceptlab.root="
"""Word of our init: file system and mode."""


def names_for(file_system: str, mode: str, transport: str) -> list[str]:
    """Return the modules that a guest needs for a root file system on a disk."""
    return [transport, "virtio_blk", file_system, *(["overlay"] if mode == OVERLAY else [])]


def with_modules(archive: bytes, modules: Sequence[Module]) -> bytes:
    """Return an initramfs to which modules are added."""
    if not modules:
        return archive
    entries = [
        regular(f"modules/{number:02}-{one.name}.ko", one.content)
        for number, one in enumerate(modules)
    ]
    return archive + write_cpio([directory("modules"), *entries])
