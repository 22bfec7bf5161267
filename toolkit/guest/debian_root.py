# SPDX-License-Identifier: GPL-2.0-only
"""A Debian userspace as initramfs, with bcc in it: for guests in which a recorder runs.

Made by debootstrap, as root, from the machine's own apt sources; once, and kept in the cache. What of acceptlab goes into it the caller says: the
recorder alone, which needs no library, or the whole command with its libraries. It runs a shell script of the caller's as its only job.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.guest.cpio import Entry, character_device, write_cpio
from acceptlab.toolkit.guest.python_packages import files_of
from acceptlab.toolkit.places import CHECKOUT, cache
from acceptlab.toolkit.progress import say, step
from acceptlab.toolkit.whole_files import locked

RELEASE = "bookworm"
PACKAGES = ("python3-bpfcc",)
_LEFT_OUT = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/cache",
    "var/lib/apt",
    "dev",
)
_RECORDER = (
    "analysis/__init__.py",
    "analysis/kernel/accept_arguments.py",
    "analysis/kernel/btf.py",
    "analysis/kernel/kernel_facts.py",
    "analysis/kernel/versions.py",
    "analysis/run/platform.py",
    "toolkit/__init__.py",
    "toolkit/errors.py",
    "toolkit/kernels/__init__.py",
    "toolkit/kernels/running_kernel.py",
    "toolkit/processes.py",
    "toolkit/run/__init__.py",
    "toolkit/run/skip_list.py",
    "toolkit/collect",
)
_LIBRARIES = ("numpy", "pyarrow", "lz4", "zstandard", "pyelftools", "typer", "rich")
"""What `acceptlab collect`, `import` and `replay` load."""
_UNUSED = (
    "libarrow_flight",
    "_flight",
    "libarrow_s3",
    "_s3fs",
    "libarrow_python.so.2600.",
    "_cffi",
)
_INIT = """\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH=/python PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
echo ACCEPTLAB userspace
sh /job
echo ACCEPTLAB done
python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)'
"""
"""The number is RB_POWER_OFF (reboot(2))."""


def root() -> Path:
    """Return the folder of the userspace, made if need be. Raises MachineError without root, without debootstrap, or when it fails."""
    key = hashlib.sha256(" ".join((RELEASE, *PACKAGES)).encode()).hexdigest()[:16]
    folder = cache() / "userspace" / key
    with locked(
        cache() / "userspace" / "lock", lambda: say("another acceptlab is creating it; waiting")
    ):
        if not folder.exists():
            _bootstrap(folder)
    return folder


def _bootstrap(folder: Path) -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise MachineError(
            "creating a Debian userspace needs debootstrap and root: apt-get install --no-install-recommends debootstrap"
        )
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        RELEASE,
        str(beside),
    ]
    with step(f"creating a Debian userspace ({RELEASE})"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        raise MachineError(f"debootstrap failed: {last[-1]}")
    beside.replace(folder)


def initramfs(job: str, ours: Iterable[Entry]) -> bytes:
    """Return the archive; ``job`` is the shell script that runs in it, after which the guest switches itself off.

    ``ours`` is what is in /python, where Python finds it.
    """
    entries = [*_tree(root(), ""), Entry("python", stat.S_IFDIR | 0o755), *ours]
    entries += [Entry("dev", stat.S_IFDIR | 0o755), character_device("dev/console", 5, 1)]
    entries += [Entry("init", stat.S_IFREG | 0o755, _INIT.encode())]
    entries += [Entry("job", stat.S_IFREG | 0o644, job.encode())]
    return write_cpio(entries)


def whole() -> Iterator[Entry]:
    """Yield acceptlab and the libraries that it runs with here, for a userspace with the same Python."""
    yield Entry("python/acceptlab", stat.S_IFDIR | 0o755)
    for name in ("toolkit", "analysis"):
        yield _entry(CHECKOUT / name, f"python/acceptlab/{name}")
        yield from _tree(CHECKOUT / name, f"python/acceptlab/{name}/")
    folders: set[str] = set()
    for name, path in files_of(_LIBRARIES, _UNUSED).items():
        for parent in reversed(PurePosixPath(name).parents[:-1]):
            if str(parent) not in folders:
                folders.add(str(parent))
                yield Entry(f"python/{parent}", stat.S_IFDIR | 0o755)
        yield _entry(path, f"python/{name}")


def recorder() -> Iterator[Entry]:
    """Yield the modules that the recorder consists of (toolkit.collect.guest)."""
    folders = {str(folder) for name in _RECORDER for folder in PurePosixPath(name).parents[:-1]}
    yield Entry("python/acceptlab", stat.S_IFDIR | 0o755)
    for folder in sorted(folders):
        yield Entry(f"python/acceptlab/{folder}", stat.S_IFDIR | 0o755)
    for name in _RECORDER:
        path = CHECKOUT / name
        yield _entry(path, f"python/acceptlab/{name}")
        if path.is_dir():
            yield from _tree(path, f"python/acceptlab/{name}/")


def _tree(folder: Path, prefix: str) -> Iterator[Entry]:
    """Yield what is below a folder, each folder before what is in it, in an order that does not change."""
    for path in sorted(folder.iterdir()):
        name = prefix + path.name
        if name in _LEFT_OUT or path.name == "__pycache__":
            continue
        if path.is_symlink() or path.is_file() or path.is_dir():
            yield _entry(path, name)
        if path.is_dir() and not path.is_symlink():
            yield from _tree(path, f"{name}/")


def _entry(path: Path, name: str) -> Entry:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return Entry(name, mode, str(path.readlink()).encode())
    return Entry(name, mode, path.read_bytes() if stat.S_ISREG(mode) else b"")
