# SPDX-License-Identifier: GPL-2.0-only
"""Folders that are either whole or absent: filled beside, put on the disk, and renamed; what a kill left behind is removed the next time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acceptlab.toolkit.whole_files import locked, sync

_SUFFIX = ".making"


@contextmanager
def made_beside(folder: Path) -> Iterator[Path]:
    """Yield an empty folder next to `folder`, and put it in that one's place when the block succeeds.

    Its files are on the disk before it has the name, so that not even a crash of the machine leaves `folder` with empty files. After
    an error nothing is left of it. A lock says that its maker lives: the kernel drops it when the maker is killed, and whoever makes
    a folder in that place the next time removes what is left.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_left_behind(folder.parent)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}{_SUFFIX}")
    held = _make(beside)
    try:
        yield beside
        _sync_tree(beside)
        with locked(folder.with_name(".placing.lock")):
            shutil.rmtree(folder, ignore_errors=True)
            beside.replace(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        os.close(held)


def remove_left_behind(home: Path) -> None:
    """Remove the unfinished folders in `home` whose makers are gone."""
    for entry in home.glob(f".*{_SUFFIX}"):
        with suppress(OSError):
            held = _open(entry)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(entry, ignore_errors=True)
            finally:
                os.close(held)


def _make(beside: Path) -> int:
    """Make the folder and hold its lock; another process may remove it in the moment between the two."""
    while True:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        with suppress(FileNotFoundError):
            held = _open(beside)
            fcntl.flock(held, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held), beside.stat()):
                    return held
            os.close(held)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            if not (path := Path(root, name)).is_symlink():
                sync(path)
        sync(Path(root))
