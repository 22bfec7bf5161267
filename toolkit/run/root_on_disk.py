# SPDX-License-Identifier: GPL-2.0-only
"""The root file system of a run: its image, and whether it was mounted; and the kernel's modules that a guest loads for its devices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.guest.disk_modules import ROOT_PARAMETER, names_for
from acceptlab.toolkit.guest.root_image import RootImage, file_system_of, root_image
from acceptlab.toolkit.kernels.modules import Module, modules_of
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.run.devices import DEVICES
from acceptlab.toolkit.run.options import RunOptions

_MOUNTED = re.compile(r"^ACCEPTLAB root (?P<how>mounted|failed: (?P<why>.*))$", re.MULTILINE)


@dataclass(frozen=True)
class RootOnDisk:
    """A root file system that is ready."""

    image: RootImage
    mode: str

    def to_json(self) -> dict[str, Any]:
        """Return run.json's `root`."""
        return {
            "source": self.image.source,
            "file_system": self.image.file_system,
            "sha256": self.image.sha256,
            "mode": self.mode,
        }


def modules_for(options: RunOptions, kernel: Kernel) -> list[Module]:
    """Return the kernel's modules that the guest has to load for its devices.

    Raises BadInputError for a kernel that lacks one; MachineError when apt cannot get them.
    """
    names: list[str] = []
    transport = "virtio_pci" if options.has_pci else "virtio_mmio"
    if options.root:
        names += names_for(file_system_of(options.root), options.root_mode, transport)
    if options.hotplug_script.virtio_slot is not None:
        names += [transport, "virtio_mem"]
    if options.devices:
        names += [transport, *(DEVICES[name].module for name in options.devices)]
    folder = Path(options.modules).resolve() if options.modules else None
    option = "--root" if options.root else "--device" if options.devices else "--hotplug"
    return modules_of(kernel, list(dict.fromkeys(names)), folder, option) if names else []


def prepare_root(options: RunOptions) -> RootOnDisk:
    """Make or find the image. Raises BadInputError or MachineError where there is none."""
    return RootOnDisk(root_image(options.root), options.root_mode)


def root_parameter(options: RunOptions) -> str:
    """Return the word of the kernel's command line that makes init mount the root file system."""
    return f"{ROOT_PARAMETER}{file_system_of(options.root)}:{options.root_mode}"


def why_not_mounted(console: str) -> str:
    """Return why the guest did not mount its root file system, as its console says; "" when it did."""
    found = _MOUNTED.search(console)
    if found is None:
        return "the guest did not come so far"
    return found["why"] or ""
