# SPDX-License-Identifier: GPL-2.0-only
"""Meson for QEMU's configure: the machine's own, or one from PyPI where that is too old (Debian 12's is, for QEMU 10.0)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.progress import Step
from acceptlab.toolkit.qemu.bases import Base

PINNED = "1.7.0"
"""That of Debian 13."""


def configure_options(base: Base, home: Path, step: Step) -> list[str]:
    """Return the options by which the base's configure finds a Meson that is new enough; `home` keeps one from PyPI."""
    if _numbers(_machine_s()) >= _numbers(base.meson):
        return []
    folder = home / f"meson-{PINNED}"
    if not (folder / "bin" / "meson").exists():  # the last that pip writes
        step.update(note=f"Meson {PINNED} from PyPI")
        _install(folder)
    return [f"--python={folder / 'bin' / 'python3'}"]


def _machine_s() -> str:
    """Return the version of the machine's own Meson, "0" without one."""
    try:
        done = subprocess.run(["meson", "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "0"
    return done.stdout.strip() or "0"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _install(folder: Path) -> None:
    """Make a Python environment that has Meson."""
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(folder))
    pip = [str(folder / "bin" / "python3"), "-m", "pip", "install", "-q", "--no-input"]
    _run(*pip, "--disable-pip-version-check", f"meson=={PINNED}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise MachineError(
            f"Meson {PINNED} could not be installed from PyPI: {lines[-1] if lines else command}"
        )
