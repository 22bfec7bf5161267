# SPDX-License-Identifier: GPL-2.0-only
"""What a stranger's kernel tree may reach while its Makefile, Kconfig and scripts run: with `--sandbox` nothing but itself.

bubblewrap gives the build a file system with the system's programs, the tree (to read) and the build's folder (to write), no
network, and no process of ours. ccache is off: what it keeps is shared with builds that are trusted.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from acceptlab.toolkit.errors import MachineError

PROGRAM = "bwrap"
_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/lib32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
)
"""What programs of a build are run from; /etc has secrets, and is not wanted besides."""


class _Request:
    """Whether this process was started with `--sandbox`."""

    wanted = False


def request() -> None:
    """Have every command of a tree run in a sandbox from now on.

    Raises MachineError when bubblewrap is not installed, or may not make one here.
    """
    if not shutil.which(PROGRAM):
        raise MachineError(
            "--sandbox uses bubblewrap, which is not installed: apt-get install bubblewrap"
        )
    tried = subprocess.run(
        [*_words((), ()), "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        check=False,
    )  # fmt: skip
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or ["no output"])[-1]
        raise MachineError(
            f"--sandbox: bubblewrap cannot make a sandbox on this machine ({said}); allow user namespaces, or leave --sandbox out"
        )
    _Request.wanted = True


def is_requested() -> bool:
    """Whether commands of a tree run in a sandbox."""
    return _Request.wanted


def words(
    command: Sequence[str], readable: Sequence[Path], writable: Sequence[Path] = ()
) -> list[str]:
    """Return the command line by which `command` runs: as it is, or in a sandbox where one was requested.

    There it can read the folders and files `readable` and write to the folders `writable`, by their own names.
    """
    if not _Request.wanted:
        return list(command)
    return [*_words(readable, writable), *command]


def variables() -> dict[str, str]:
    """Return what the environment of a command in a sandbox has besides."""
    return {"CCACHE_DISABLE": "1"} if _Request.wanted else {}


def _words(readable: Sequence[Path], writable: Sequence[Path]) -> list[str]:
    made = [PROGRAM, "--unshare-all", "--die-with-parent", "--new-session"]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            made += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            made += ["--ro-bind", str(path), str(path)]
    made += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for option, paths in (("--ro-bind", readable), ("--bind", writable)):
        for path in paths:
            made += [option, str(path.absolute()), str(path.absolute())]
    return made
