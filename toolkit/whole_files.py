# SPDX-License-Identifier: GPL-2.0-only
"""Files that are either whole or absent: write beside and rename, checksums, and a lock between processes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from acceptlab.toolkit.errors import BadInputError


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader, or a crash, be it of the machine, never meets half of it.

    Raises OSError (a full disk, say) with the old file, if there was one, untouched.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        sync(beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def cached_file(folder: Path, key: str, suffix: str, make: Callable[[], bytes]) -> Path:
    """Return the file `KEY-CHECKSUM.SUFFIX` of a folder, made if there is none; one whose content is not as its name says is made again.

    Raises OSError when it cannot be written.
    """
    for path in sorted(folder.glob(f"{key}-*{suffix}")):
        if path.name == _checked_name(key, sha256_of(path), suffix):
            return path
        path.unlink(missing_ok=True)
    content = make()
    path = folder / _checked_name(key, hashlib.sha256(content).hexdigest(), suffix)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


def _checked_name(key: str, sha256: str, suffix: str) -> str:
    return f"{key}-{sha256[:16]}{suffix}"


def sync(path: Path) -> None:
    """Have a file's or folder's content on the disk: a rename may get there before what was written to the file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock_file(path: Path) -> IO[bytes]:
    """Open a file to lock it, made when absent; what it holds stays. Close it to let go of the lock.

    The folder may be somebody else's: raises BadInputError where a symbolic link, a FIFO or a device has the file's name.
    """
    what = f"{path} is not a regular file: remove it, or choose another folder"
    try:
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666
        )
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise BadInputError(what) from None
        raise
    file = os.fdopen(descriptor, "r+b", buffering=0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise BadInputError(what)
    return file


def is_in_place(path: Path, lock: IO[bytes]) -> bool:
    """Whether a file that was locked is still the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(lock.fileno()))
    except OSError:
        return False


def removed(folder: Path) -> str:
    """Return the line for a folder that somebody removed while it was being written to."""
    return f"{folder} was removed, or emptied, while it was written to: run again, and leave the folder alone until the end"


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold an exclusive lock on `path` (made when absent); call `on_wait` once when another process holds it now.

    The kernel drops the lock when its holder dies, however that happens.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
