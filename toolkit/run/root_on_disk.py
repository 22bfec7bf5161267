# SPDX-License-Identifier: GPL-2.0-only
"""The root file system of a run: its image, what the guest has to load for it, and whether it was mounted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.guest.disk_modules import ROOT_PARAMETER, names_for
from acceptlab.toolkit.guest.root_image import RootImage, file_system_of, root_image
from acceptlab.toolkit.kernels.modules import Module, modules_of
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.run.options import RunOptions

_MOUNTED = re.compile(r"^ACCEPTLAB root (?P<how>mounted|failed: (?P<why>.*))$", re.MULTILINE)


@dataclass(frozen=True)
class RootOnDisk:
    """A root file system that is ready, and the kernel's modules that it needs."""

    image: RootImage
    modules: list[Module]
    mode: str

    def to_json(self) -> dict[str, Any]:
        """Return run.json's `root`."""
        return {
            "source": self.image.source,
            "file_system": self.image.file_system,
            "sha256": self.image.sha256,
            "mode": self.mode,
            "modules": [one.name for one in self.modules],
        }


def prepare_root(options: RunOptions, kernel: Kernel) -> RootOnDisk:
    """Make or find the image, and the modules; raises BadInputError or MachineError where there is none."""
    kind = file_system_of(options.root)
    transport = "virtio_pci" if options.has_firmware else "virtio_mmio"
    folder = Path(options.modules).resolve() if options.modules else None
    modules = modules_of(kernel, names_for(kind, options.root_mode, transport), folder, "--root")
    return RootOnDisk(root_image(options.root), modules, options.root_mode)


def root_parameter(options: RunOptions) -> str:
    """Return the word of the kernel's command line that makes init mount the root file system."""
    return f"{ROOT_PARAMETER}{file_system_of(options.root)}:{options.root_mode}"


def why_not_mounted(console: str) -> str:
    """Return why the guest did not mount its root file system, as its console says; "" when it did."""
    found = _MOUNTED.search(console)
    if found is None:
        return "the guest did not come so far"
    return found["why"] or ""
