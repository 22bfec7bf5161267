# SPDX-License-Identifier: GPL-2.0-only
"""Tools that fail because the disk is full: each says so in words of its own, somewhere in its output."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import MachineError

_FULL = re.compile(
    r"no space left on device|disk quota exceeded|you don't have enough free space in",
    re.IGNORECASE,
)
"""strerror() of ENOSPC and EDQUOT, as apt, dpkg, tar and git print it; apt-get's own check (apt-private/private-install.cc, private-source.cc)."""


EVERY = 5.0
"""Seconds between two looks at the free space."""
_NOTHING = 1 << 20
"""Bytes of free space with which no tool gets on: apt's files have some more, and it leaves some hundred KiB when it gives up."""


@dataclass
class Watch:
    """What a watch over a tool's folder found."""

    full: bool = False


@contextmanager
def watched(process: subprocess.Popen[str], folder: Path) -> Iterator[Watch]:
    """End a tool that stays although the disk that it writes to is full: apt-get 2.6 then waits without end for its own methods.

    The disk has to be full at two looks one after the other: what a tool removes of its own may give it room.
    """
    watch, ended = Watch(), threading.Event()

    def look() -> None:
        full = 0
        while not ended.wait(EVERY):
            full = full + 1 if free_bytes(folder) < _NOTHING else 0
            if full == 2:
                watch.full = True
                process.terminate()
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


def free_bytes(folder: Path) -> int:
    """Return what this user may still write to the disk of `folder`, or of the nearest folder above that there is."""
    there = next(one for one in (folder, *folder.parents) if one.is_dir())
    found = os.statvfs(there)
    blocks = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    return blocks * found.f_frsize


def says_full(output: str) -> bool:
    """Whether a tool's output names a full disk as the cause, or one of the causes, of its failure."""
    return _FULL.search(output) is not None


def failure(output: str, folder: Path, otherwise: str, watch: Watch | None = None) -> MachineError:
    """Return the error of a tool that failed while it wrote to `folder`: a full disk, or else the line `otherwise`."""
    if says_full(output) or (watch is not None and watch.full):
        return MachineError(
            f"disk full ({folder}): free some space, or choose another folder (XDG_CACHE_HOME)"
        )
    return MachineError(otherwise)
