# SPDX-License-Identifier: GPL-2.0-only
"""Archives in the newc format that Linux unpacks as initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).

The same entries always give the same bytes: no times, no owners, inode numbers counted from 1.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass

_TRAILER = "TRAILER!!!"


@dataclass(frozen=True)
class Entry:
    """One file of the archive; ``mode`` has the type bits too, ``device`` is (major, minor) of a device node."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(path: str) -> Entry:
    """Return a directory."""
    return Entry(path, stat.S_IFDIR | 0o755)


def executable(path: str, data: bytes) -> Entry:
    """Return a file that can be run."""
    return Entry(path, stat.S_IFREG | 0o755, data)


def regular(path: str, data: bytes) -> Entry:
    """Return a file that is only read."""
    return Entry(path, stat.S_IFREG | 0o444, data)


def character_device(path: str, major: int, minor: int) -> Entry:
    """Return a character device node."""
    return Entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))


def write_cpio(entries: Sequence[Entry]) -> bytes:
    """Return the archive of the entries, in the order given: folders have to come before what is in them."""
    archive = bytearray()
    for inode, entry in enumerate([*entries, Entry(_TRAILER, 0)], start=1):
        name = entry.path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        fields = (
            0 if entry.path == _TRAILER else inode,
            entry.mode,
            *(0, 0, links, 0),  # uid, gid, links, time
            len(entry.data),
            *(0, 0),  # device that holds the file
            *entry.device,
            len(name),
            0,  # checksum, unused in newc
        )
        archive += b"070701" + b"".join(b"%08X" % value for value in fields) + name
        archive += bytes(-len(archive) % 4) + entry.data
        archive += bytes(-len(archive) % 4)
    return bytes(archive)
