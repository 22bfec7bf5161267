# SPDX-License-Identifier: GPL-2.0-only
"""The programs and firmware that launch a guest on hardware: which QEMU, whether it knows the platform, which OVMF."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.platforms import HARDWARE

QEMU = "qemu-system-x86_64"
FOLDER = "usr/share/ovmf"
"""Where Debian's package ovmf has it."""
_FOLDERS = (FOLDER, "usr/share/OVMF", "usr/share/edk2/ovmf", "usr/share/qemu")
_VERSION = re.compile(r"version (\d+)\.(\d+)")
HASHING = "OVMF.amdsev.fd"
"""The build of OVMF that has a page for the hashes of kernel, initrd and command line (OvmfPkg/AmdSev)."""


@dataclass(frozen=True)
class Qemu:
    """A QEMU: its path, version, and the names of objects that it can create."""

    path: str
    version: tuple[int, int]
    objects: frozenset[str]

    def launches(self, platform: str) -> bool:
        """Return whether it has the object that makes a guest of a platform."""
        return HARDWARE[platform].qemu_object in self.objects


def find_qemu(program: str = QEMU) -> Qemu | None:
    """Return the QEMU of this machine, asked for its version and objects; None when there is none that runs."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        version = _VERSION.search(_output_of(path, "--version"))
        objects = frozenset(_output_of(path, "-object", "help").split())
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Qemu(path, (int(version[1]), int(version[2])), objects) if version else None


def find_firmware(platform: str, root: Path = Path("/")) -> Path | None:
    """Return the OVMF for a platform, the one built for it first; None when there is none."""
    for name in HARDWARE[platform].firmware:
        for folder in _FOLDERS:
            path = root / folder / name
            if path.is_file():
                return path
    return None


def _output_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout
