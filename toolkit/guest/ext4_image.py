# SPDX-License-Identifier: GPL-2.0-only
"""An image of an ext4 file system with the files of a folder, made without root by e2fsprogs.

All files belong to root, and no time in it is that of its making: a folder with the same files gives the same events in a guest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

from acceptlab.toolkit import full_disk
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.ranges import MIB

FILE_SYSTEM = "ext4"
_BLOCK = 4096
_FIRST_INODE = 12
"""The first one that mke2fs gives to a file of ours: 11 is lost+found (Linux fs/ext4/ext4.h, EXT4_GOOD_OLD_FIRST_INO)."""
_INODES_FREE = 1024
_BYTES_FREE = 16 * MIB
_EPOCH = "1767225600"
"""2026-01-01, where the guest's clock starts (toolkit.run.emulator_command)."""
_FEATURES = "^has_journal,^resize_inode,^metadata_csum_seed"
_INSTALL = "install the package e2fsprogs"


def digest_of(tree: Path) -> str:
    """Return a word for names, modes, times and contents of a folder's files.

    Raises BadInputError for a file that this user cannot read.
    """
    total = hashlib.sha256()
    for path in _entries(tree):
        try:
            found = path.lstat()
            total.update(os.fsencode(path.relative_to(tree)) + b"\0")
            total.update(f"{found.st_mode:o} {int(found.st_mtime)}\0".encode())
            if stat.S_ISLNK(found.st_mode):
                total.update(os.fsencode(path.readlink()))
            elif stat.S_ISREG(found.st_mode):
                with path.open("rb") as file:
                    total.update(hashlib.file_digest(file, "sha256").digest())
            elif stat.S_ISDIR(found.st_mode):
                os.scandir(path).close()
        except OSError as error:
            raise BadInputError(f"--root: {path}: {error.strerror}") from error
    return total.hexdigest()[:32]


def make_image(tree: Path, digest: str, image: Path) -> None:
    """Write the image of a folder's files. Raises MachineError without e2fsprogs, or when it fails."""
    inodes, blocks = _count(tree)
    size = blocks * _BLOCK * 17 // 16 + inodes * 256 + _BYTES_FREE
    number = str(uuid.UUID(hex=digest))
    options = f"hash_seed={number},root_owner=0:0,lazy_itable_init=0,nodiscard"
    _run(
        [
            "mke2fs", "-q", "-F", "-t", FILE_SYSTEM, "-O", _FEATURES, "-b", str(_BLOCK), "-m", "0",
            "-N", str(inodes + _INODES_FREE), "-U", number, "-E", options, "-d", str(tree), str(image), str(size // _BLOCK),
        ],
        image,
    )  # fmt: skip
    _run(["debugfs", "-w", "-f", "/dev/stdin", str(image)], image, _corrections(inodes))


def _entries(tree: Path) -> Iterator[Path]:
    """Yield the folder and all that is below it, in an order that does not change; links are not followed."""
    yield tree
    for folder, folders, files in os.walk(tree, onerror=_refuse):
        folders.sort()
        yield from (Path(folder) / name for name in sorted((*folders, *files)))


def _refuse(error: OSError) -> None:
    raise BadInputError(f"--root: {error.filename}: {error.strerror}") from error


def _count(tree: Path) -> tuple[int, int]:
    """Return how many inodes the files take, each of several names once, and how many blocks at most."""
    seen: set[tuple[int, int]] = set()
    blocks = 0
    for path in _entries(tree):
        found = path.lstat()
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            blocks += 1 + -(-found.st_size // _BLOCK)
    return len(seen) - 1, blocks  # the folder itself is inode 2


def _corrections(inodes: int) -> str:
    """Return debugfs's commands that set what mke2fs took from the machine: owners, and times that nobody can set."""
    lines = []
    for inode in (2, 11, *range(_FIRST_INODE, _FIRST_INODE + inodes)):
        lines += [f"sif <{inode}> {field} 0" for field in ("uid", "gid")]
        lines += [f"sif <{inode}> {field} @{_EPOCH}" for field in ("atime", "ctime")]
    return "".join(f"{line}\n" for line in lines)


def _run(command: list[str], image: Path, script: str = "") -> None:
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise MachineError(f"{command[0]} is missing: {_INSTALL}")
    done = subprocess.run(
        [program, *command[1:]], input=script, capture_output=True, text=True, check=False,
        env=os.environ | {"E2FSPROGS_FAKE_TIME": _EPOCH, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise full_disk.failure(
            done.stderr, image.parent, f"{command[0]} could not make {image}: {last}"
        )
