# SPDX-License-Identifier: GPL-2.0-only
"""Folders that are either whole or absent: filled beside, put on the disk, and renamed; what a kill left behind is removed the next time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
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


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """Yield an empty folder among the machine's temporary files, and remove it after the block.

    After a kill of its maker, the next call with this prefix removes it.
    """
    home = Path(tempfile.gettempdir())
    remove_left_behind(home, f"{prefix}*")
    folder, held = _make_scratch(home, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def remove_left_behind(home: Path, pattern: str = f".*{_SUFFIX}") -> None:
    """Remove the folders in `home` with such names whose makers are gone."""
    for entry in home.glob(pattern):
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
        held = _hold(beside)
        if held is not None:
            return held


def _make_scratch(home: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
        held = _hold(folder)
        if held is not None:
            return folder, held


def _hold(folder: Path) -> int | None:
    """Return the folder's lock, None where another process has removed the folder before it was held."""
    with suppress(FileNotFoundError):
        held = _open(folder)
        fcntl.flock(held, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(held), folder.stat()):
                return held
        os.close(held)
    return None


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            if not (path := Path(root, name)).is_symlink():
                sync(path)
        sync(Path(root))
