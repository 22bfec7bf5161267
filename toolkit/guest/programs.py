# SPDX-License-Identifier: GPL-2.0-only
"""An initramfs of a few of this machine's own programs with the libraries that they load, and a shell script that runs them.

Far smaller than a whole userspace (debian.py): for guests in which one recorder runs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.guest.cpio import (
    Entry,
    character_device,
    directory,
    executable,
    regular,
    write_cpio,
)

_LIBRARY = re.compile(r"(?:^|=> )\s*(?P<path>/\S+) \(0x[\da-f]+\)$")
_SHELL = "dash"
_ALWAYS = ("mount",)
_FOLDERS = ("bin", "dev", "proc", "sys", "tmp")
_INIT = """\
#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tracefs tracefs /sys/kernel/tracing
echo ACCEPTLAB userspace
sh /job
echo ACCEPTLAB done
echo o >/proc/sysrq-trigger
read forever </dev/console
"""
"""The o switches the machine off (Documentation/admin-guide/sysrq.rst)."""


def initramfs(job: str, programs: Sequence[str]) -> bytes:
    """Return the archive; ``job`` is a script for its shell, which finds ``programs`` by their names.

    Raises MachineError for a program that this machine has not.
    """
    found = {"sh": _path(_SHELL)} | {name: _path(name) for name in (*_ALWAYS, *programs)}
    libraries = sorted({one for path in found.values() for one in libraries_of(path)})
    folders = sorted({str(one)[1:] for path in libraries for one in list(path.parents)[:-1]})
    entries = [directory(one) for one in sorted({*_FOLDERS, *folders})]
    entries += [character_device("dev/console", 5, 1)]
    entries += [executable(f"bin/{name}", path.read_bytes()) for name, path in found.items()]
    entries += [executable(str(path)[1:], path.read_bytes()) for path in libraries]
    entries += [_init(), regular("job", job.encode())]
    return write_cpio(entries)


def _init() -> Entry:
    return executable("init", _INIT.encode())


def _path(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise MachineError(f"{name} is missing (to be run in a guest): install its package")
    return Path(found)


def libraries_of(program: Path) -> Iterator[Path]:
    """Yield what ldd(1) says that a program loads, by the names under which it looks for it; nothing for a static one."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    for line in said.stdout.splitlines():
        if found := _LIBRARY.search(line.strip()):
            yield Path(found["path"])
