# SPDX-License-Identifier: GPL-2.0-only
"""Runs guests by stock QEMU on a host with SEV-SNP or TDX, and records what they print and trace."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from acceptlab.analysis.run.run_folder import write_run_json
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.guest.initramfs import initramfs
from acceptlab.toolkit.guest.workloads import workload_options
from acceptlab.toolkit.hardware import host_programs, recording, signs
from acceptlab.toolkit.hardware.qemu_command import Launch, launch_command
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.platforms import HARDWARE, PLATFORMS
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.run import boot_tracing, outcome
from acceptlab.toolkit.run.emulator_run import Finished
from acceptlab.toolkit.run.follower import Follower
from acceptlab.toolkit.run.launch import launch
from acceptlab.toolkit.run.new_folder import claimed
from acceptlab.toolkit.run.options import RunOptions

_PRINT = "acceptlab.workload=ftrace"
"""Has the guests' init print the trace when the workloads are done."""


@dataclass(frozen=True)
class Host:
    """This machine as a host; its files are below `root`, its QEMU is `program`."""

    root: Path = signs.ROOT
    program: str = host_programs.QEMU
    machine: signs.Machine = field(init=False)

    def __post_init__(self) -> None:
        """Look at the machine."""
        object.__setattr__(self, "machine", signs.look(self.root))

    def dry_run(self, options: RunOptions, kernel: Kernel, folder: Path) -> str:
        """Return the shell line; it is shown on any machine, whether that can run it or not."""
        return shlex.join(self._command(options, self._launch(options, kernel, folder)))

    def perform(self, options: RunOptions, kernel: Kernel, folder: Path) -> Finished:
        """Launch a guest and record it. Raises MachineError, with all that is missing, where that cannot be done."""
        self._check(options.platform)
        folder = folder.resolve()
        with claimed(folder):
            wanted = self._launch(options, kernel, folder)
            log = folder / "qemu.log"
            raw = folder / "events.raw"  # there is none: the follower shows no number of events
            with step(f"{kernel.name} as {options.platform} guest on this host") as shown:
                follower = Follower(shown, wanted.console, raw)
                command = self._command(options, wanted)
                ending = launch(command, log, options.time_limit, follower)
            recording.check_qemu(ending, log, wanted.console)
            console = recording.text_of(wanted.console)
            came_to = outcome.judge(None, console, ending, options.time_limit)
            got = recording.from_console(wanted.console, folder / "events.parquet")
            record = recording.describe(options, kernel, wanted, shlex.join(command), came_to, got)
            write_run_json(folder, record)
        return Finished(
            folder, came_to, ending.interrupted, ending.seconds, got.events if got else None
        )

    def _launch(self, options: RunOptions, kernel: Kernel, folder: Path) -> Launch:
        firmware = host_programs.find_firmware(options.platform, self.root)
        words = [options.command_line, *workload_options(options.workloads)]
        if options.events:
            words += [boot_tracing.command_line(options.platform, options.probes), _PRINT]
        return Launch(
            kernel.image,
            initramfs(),
            firmware or _usual_firmware(options.platform),
            " ".join(words),
            folder / "console.log",
        )

    def _command(self, options: RunOptions, wanted: Launch) -> list[str]:
        return launch_command(options, wanted, self.machine, self.program)

    def _check(self, platform: str) -> None:
        """Raise MachineError with what keeps this machine from launching such a guest."""
        name = PLATFORMS[platform].title
        missing = list(self.machine.lacks.get(platform, [f"its processor lacks {name}"]))
        qemu = host_programs.find_qemu(self.program)
        if qemu is None or not qemu.launches(platform):
            has = f"QEMU {qemu.version[0]}.{qemu.version[1]}" if qemu else "no QEMU"
            wanted = ".".join(map(str, HARDWARE[platform].qemu_since))
            missing.append(
                f"it has {has}; {HARDWARE[platform].qemu_object} requires {wanted} or later"
            )
        if host_programs.find_firmware(platform, self.root) is None:
            missing.append("OVMF is missing: install the package ovmf")
        if missing:
            raise MachineError(
                f"this machine cannot launch {name} guests: {'; '.join(missing)} "
                "(--dry-run prints the command anyway)"
            )


def _usual_firmware(platform: str) -> Path:
    """Return where a platform's OVMF would be, for a command that is only shown."""
    return Path("/") / host_programs.FOLDER / HARDWARE[platform].firmware[0]
