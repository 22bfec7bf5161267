# SPDX-License-Identifier: GPL-2.0-only
"""What a guest is run by: our emulator, or QEMU on a host that has the hardware (toolkit.hardware.host)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.emulator_run import Finished, dry_run, perform
from acceptlab.toolkit.run.options import RunOptions

if TYPE_CHECKING:
    from acceptlab.toolkit.guest.shell import Shell


class Backend(Protocol):
    """Something that runs guests."""

    def perform(self, options: RunOptions, kernel: Kernel, folder: Path) -> Finished:
        """Run one guest and record it in `folder`, new or empty. Raises MachineError when this machine cannot."""

    def dry_run(self, options: RunOptions, kernel: Kernel, folder: Path) -> str:
        """Return the shell line that would run the guest; it may have to prepare files in `folder`."""


@dataclass(frozen=True)
class Emulated:
    """Our emulator."""

    emulator: Emulator
    keep_handoff: bool
    shell: Shell | None = None
    stop_on_finding: bool = False

    def perform(self, options: RunOptions, kernel: Kernel, folder: Path) -> Finished:
        """Run one guest and record it."""
        return perform(
            options,
            kernel,
            self.emulator,
            folder,
            self.keep_handoff,
            self.shell,
            self.stop_on_finding,
        )

    def dry_run(self, options: RunOptions, kernel: Kernel, folder: Path) -> str:
        """Return the emulator's command, on a boot handoff that is written into `folder`."""
        return dry_run(options, kernel, self.emulator, folder, self.shell)
