# SPDX-License-Identifier: GPL-2.0-only
"""gdb at a halted guest."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.toolkit.debug.halted import Halted

PROGRAM = "gdb"


def command(info: RunInfo, halted: Halted, socket: Path) -> list[str]:
    """Return gdb's command line: the target, the symbols of the kernel where there is a vmlinux, and the vCPU that was running."""
    words = [PROGRAM, "-q", "-ex", "set architecture i386:x86-64"]
    vmlinux = info.kernel.vmlinux
    if vmlinux and Path(vmlinux).is_file():
        offset = str(halted.report.get("kaslr_offset", "0x0"))
        words += ["-ex", f"symbol-file -o {offset} {vmlinux}"]
    words += ["-ex", f"target remote {socket}"]
    return [*words, "-ex", f"thread {int(halted.report['vcpu']) + 1}"]


def is_there() -> bool:
    """Return whether this machine has gdb."""
    return shutil.which(PROGRAM) is not None


def run(words: list[str]) -> None:
    """Run gdb on the terminal until the user leaves it. Ctrl-C is gdb's meanwhile."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        subprocess.run(words, preexec_fn=_default_interrupt, check=False)
    finally:
        signal.signal(signal.SIGINT, before)


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
