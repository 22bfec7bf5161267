# SPDX-License-Identifier: GPL-2.0-only
"""The run folder while it is being made: one run to a folder, and nothing half-made is left behind."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.regular_files import open_regular
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.processes import DeferredSignals
from acceptlab.toolkit.whole_files import is_in_place, lock_file, removed

LOCK = ".running"


def runs_home() -> Path:
    """Return the folder of runs that were given none by --out."""
    return cache() / "runs"


def fresh(words: str) -> Path:
    """Make a new folder below the cache, named after the time and `words`."""
    runs_home().mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
        path = runs_home() / f"{stamp}-{words}{suffix}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise BadInputError(f"too many runs started this second in {runs_home()}; try again")


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Hold the folder for one run: make it if need be; it has to be empty.

    When the block ends in an error the folder is left as it was found: empty, or absent. Raises BadInputError when the folder
    holds something, when another run holds it, or when somebody removes it meanwhile.
    """
    existed = path.exists()
    held = ours = False
    there = True
    signals = DeferredSignals()
    try:
        _make(path)
        with lock_file(path / LOCK) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInputError(
                    f"another run is writing to {path}: give another --out"
                ) from None
            held = True
            others = [entry.name for entry in path.iterdir() if entry.name != LOCK]
            if others:
                raise BadInputError(
                    f"{path} is not empty (it has {min(others)}): give --out a new folder"
                )
            ours = True
            try:
                signals.release()
                yield
            finally:
                there = is_in_place(path / LOCK, lock)
            if not there:
                raise FileNotFoundError(path)
    except BaseException as error:
        if not there and isinstance(error, Exception):
            raise BadInputError(removed(path)) from error
        if ours and there:
            _empty(path, existed)
        elif not ours and not existed:
            _unmake(path, held)
        raise
    finally:
        if held and there:
            (path / LOCK).unlink(missing_ok=True)
        signals.release()


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BadInputError(
            f"{path} is not a folder: give a new or empty folder as --out"
        ) from None


def _unmake(path: Path, held: bool) -> None:
    """Remove a folder that was made a moment ago, and nothing that another run has put there."""
    if held:
        (path / LOCK).unlink(missing_ok=True)
    with suppress(OSError):
        path.rmdir()


def is_running(path: Path) -> bool:
    """Return whether a run writes into the folder now."""
    try:
        with open_regular(path / LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, BadInput):
        return False
    return False


def _empty(path: Path, keep_folder: bool) -> None:
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if not keep_folder:
        path.rmdir()
