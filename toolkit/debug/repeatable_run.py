# SPDX-License-Identifier: GPL-2.0-only
"""A recorded run that can be booted again, with the same guest and the same emulator."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.emulator_run import Prepared
from acceptlab.toolkit.run.options import RunOptions


@dataclass(frozen=True)
class Recorded:
    """A run, and what boots it again."""

    run: Run
    options: RunOptions
    kernel: Kernel
    emulator: Emulator


def recorded(run: Run) -> Recorded:
    """Find what the run was made with. Raises BadInputError where the run is not repeatable, or something differs today."""
    info, where = run.info, run.path
    if info.source != "emulator" or not info.reproduce:
        raise BadInputError(f"{where}: not recorded by the emulator; only its runs can be repeated")
    if info.not_repeatable:
        raise BadInputError(f"{where}: not repeatable, for {info.not_repeatable}")
    options = RunOptions.of_line(info.reproduce)
    if not PLATFORMS[options.platform].is_confidential:
        raise BadInputError(f"{where}: not a confidential guest; there is nothing to stop at")
    if info.clock != "instructions":
        raise BadInputError(
            f"{where}: not repeatable, for its vCPUs ran on threads of their own (--threads multi)"
        )
    kernel = resolve(options.kernel)
    if kernel.sha256 != info.kernel.sha256:
        raise BadInputError(
            f"{where}: {options.kernel} is another kernel now ({kernel.version}, not {info.kernel.version}, or built again); "
            f"record the run again: {info.reproduce}"
        )
    emulator = emulator_build.ensure()
    if emulator.key != info.emulator.get("key"):
        raise BadInputError(
            f"{where}: recorded by another build of the emulator ({info.emulator.get('key')}, now {emulator.key}); "
            f"record the run again: {info.reproduce}"
        )
    return Recorded(run, options, kernel, emulator)


def check_same_guest(run: Run, ready: Prepared) -> None:
    """Raise BadInputError where the guest would get another initramfs or command line than in the run."""
    initrd = hashlib.sha256(ready.initrd).hexdigest() if ready.initrd else ""
    for what, then, now in (
        ("initramfs", run.info.initrd_sha256, initrd),
        ("kernel command line", run.info.command_line, ready.command_line),
    ):
        if then != now:
            raise BadInputError(
                f"{run.path}: the {what} would be another one now; record the run again: {run.info.reproduce}"
            )
