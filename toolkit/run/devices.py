# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's machines, and the virtio devices that a run may have on them: on virtio-mmio, or on PCI.

DMA of all is checked (emulator/qemu/dma.c), and requests are taken on the vCPUs' thread (no ioeventfd).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MICROVM, Q35 = "microvm", "q35"
MACHINES = (MICROVM, Q35)
"""As --machine takes them, the default first."""
DISK_SLOT, MEMORY_SLOT, _FIRST_SLOT = 1, 2, 3
"""Virtio-mmio slots: of the disk, of the virtio-mem device, and of the first other one."""


@dataclass(frozen=True)
class Device:
    """A device: QEMU's name without its transport, what else QEMU is given for it, and the kernel's module."""

    name: str
    settings: str
    module: str
    backend: tuple[str, ...] = ()
    why_not_repeatable: str = ""


DEVICES = {
    "rng": Device(
        "virtio-rng", "rng=rng0", "virtio_rng", ("-object", "rng-builtin,id=rng0"),
        why_not_repeatable="its random number device answers when the host gets to it (--device rng)",
    ),
}  # fmt: skip
"""By the name that --device takes."""


def slots_of(names: Sequence[str]) -> tuple[int, ...]:
    """Return the virtio-mmio slots of other devices."""
    return tuple(range(_FIRST_SLOT, _FIRST_SLOT + len(names)))


def device_arguments(names: Sequence[str], has_pci: bool) -> list[str]:
    """Return QEMU's arguments for devices by their names."""
    arguments: list[str] = []
    for slot, name in zip(slots_of(names), names, strict=True):
        one = DEVICES[name]
        arguments += [*one.backend, "-device", on_bus(one.name, slot, one.settings, has_pci)]
    return arguments


def on_bus(name: str, slot: int, settings: str, has_pci: bool) -> str:
    """Return the value of -device for a virtio device on the machine's bus."""
    if has_pci:
        return f"{name}-pci,disable-legacy=on,ioeventfd=off,iommu_platform=on,{settings}"
    return f"{name}-device,bus=virtio-mmio-bus.{slot},iommu_platform=on,{settings}"
