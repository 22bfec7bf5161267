# SPDX-License-Identifier: GPL-2.0-only
"""Wall time of a boot here against a boot of the same kernel, as an ordinary guest, in Debian's own QEMU of the same version.

Both boot from the same kind of boot handoff, with the same CPU model, memory, clock and seed, to userspace and a clean power-off.
Runs are paired: each round times every kind once, in turn, so that a machine that grows slower slows them all. Right before each timed
boot the same kind boots untimed: a host that takes back free memory makes whoever needs more than the boot before pay for it.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.firmware.boot_handoff import build_handoff
from acceptlab.toolkit.firmware.bzimage import read_bzimage
from acceptlab.toolkit.firmware.handoff_files import write_handoff
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.guest.initramfs import initramfs
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.platforms import PLAIN
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu import bases
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.emulator_command import RunFiles, cpu_model, emulator_command
from acceptlab.toolkit.run.emulator_run import prepare
from acceptlab.toolkit.run.materials import full_command_line
from acceptlab.toolkit.run.options import RunOptions

STOCK = "qemu-system-x86_64"


@dataclass(frozen=True)
class Contender:
    """One way to boot: `kind` is `stock`, `events off` or `events on`; `command` starts it, writing into `files`."""

    kind: str
    command: Sequence[str]
    files: RunFiles


@dataclass(frozen=True)
class Result:
    """Wall times in seconds by kind, a list each, in rounds; and the medians of the ratios to `stock`."""

    platform: str
    seconds: dict[str, list[float]]

    def ratio(self, kind: str) -> float:
        """Return the median over the rounds of this kind's time by stock's time in the same round."""
        pairs = zip(self.seconds[kind], self.seconds["stock"], strict=True)
        return statistics.median(ours / stock for ours, stock in pairs)


def compare(platform: str, memory: str, kernel: Kernel, emulator: Emulator, rounds: int) -> Result:
    """Time every kind once a round and return the times. Raises MachineError when a boot does not reach userspace."""
    version = emulator.build["qemu"]
    stock = _stock(version)
    with tempfile.TemporaryDirectory(prefix="acceptlab-bench-") as scratch:
        options = RunOptions(kernel.name, platform=platform, memory=memory)
        contenders = [
            _plain(options, kernel, stock, version, Path(scratch) / "stock"),
            _ours(
                "events off",
                replace(options, events=False),
                kernel,
                emulator,
                Path(scratch) / "off",
            ),
            _ours("events on", options, kernel, emulator, Path(scratch) / "on"),
        ]
        seconds: dict[str, list[float]] = {contender.kind: [] for contender in contenders}
        with step(f"{platform}: {rounds} rounds of three pairs of boots") as progress:
            for done in range(rounds):
                for contender in contenders:
                    progress.update(done, rounds, contender.kind)
                    _boot(contender)
                    seconds[contender.kind].append(_boot(contender))
        return Result(platform, seconds)


def _stock(version: str) -> str:
    """Return Debian's own QEMU, which has to be of the version that the emulator is made from."""
    path = shutil.which(STOCK)
    if not path:
        raise MachineError(f"{STOCK} is not installed: apt-get install qemu-system-x86")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    if f"version {version}." not in said:
        raise MachineError(
            f"{path} is not of version {version}, as the emulator is ({said.splitlines()[0]}): "
            f"run the benchmarks on Debian {bases.named(version).release}, which has that version"
        )
    return path


def _ours(
    kind: str, options: RunOptions, kernel: Kernel, emulator: Emulator, folder: Path
) -> Contender:
    folder.mkdir()
    ready = prepare(options, kernel, emulator, folder)
    return Contender(kind, ready.command, ready.files)


def _plain(
    options: RunOptions, kernel: Kernel, stock: str, version: str, folder: Path
) -> Contender:
    """Return the ordinary guest: the same CPU model, but firmware has accepted all and nothing is confidential."""
    folder.mkdir()
    plain = replace(options, platform=PLAIN.name, firmware_accepts="all", events=False)
    handoff = build_handoff(
        GuestRequest(
            PLAIN.name, read_bzimage(kernel.image), initramfs().read_bytes(), full_command_line(plain),
            plain.memory_request, plain.cpus,
        )
    )  # fmt: skip
    files = RunFiles(folder)
    written = write_handoff(handoff, files.handoff)
    command = emulator_command(Path(stock), version, plain, written, files)
    command[command.index("-cpu") + 1] = cpu_model(options.platform, version)
    return Contender("stock", command, files)


def _boot(contender: Contender) -> float:
    """Return the wall time of one boot, in seconds, from the start of the process to its end."""
    started = time.perf_counter()
    done = subprocess.run(
        contender.command, capture_output=True, text=True, timeout=600, check=False
    )
    seconds = time.perf_counter() - started
    console = contender.files.console.read_text(errors="replace")
    if done.returncode or "ACCEPTLAB done" not in console:
        last = (done.stderr or console).strip().splitlines()[-1:]
        raise MachineError(f"{contender.kind}: the guest did not reach userspace: {last}")
    return seconds
