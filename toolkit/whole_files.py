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
    """Write a file so that a reader, or a crash, never meets half of it.

    Raises OSError (a full disk, say) with the old file, if there was one, untouched.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


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
