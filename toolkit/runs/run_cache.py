# SPDX-License-Identifier: GPL-2.0-only
"""The folder of a matrix: one run folder per cell, and beside it what was counted; a finished cell is kept."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acceptlab import analysis
from acceptlab.toolkit import firmware
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.guest import command
from acceptlab.toolkit.guest.root_image import digest_of as digest_of_root
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.option import options_of
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.whole_files import is_in_place, lock_file, removed, sha256_of, write_whole

CELLS = "cells"
_LOCK = ".matrix"
_FORMAT = 1
_AWKWARD = re.compile(r"[^A-Za-z0-9.+-]+")


def key_of(options: RunOptions, kernel: Kernel, emulator: Emulator, init: str) -> str:
    """Return what a run is made of, as one word: kernel by checksum, emulator, initramfs (`init`),
    what makes boot handoffs, every option, and functions to skip.
    """
    words: dict[str, Any] = {
        "kernel": kernel.sha256,
        "emulator": emulator.key,
        "init": init,
        "handoff": digest_of(Path(firmware.__file__).parent, "*.py", "*.c"),
        "files": [_sha256_of(path) for path in _given_files(options)],
        "options": _words_of(options),
    }
    if options.root:
        words["root"] = digest_of_root(options.root)
    if kernel.skipped:  # they decide what the trace has as callers
        words["skip"] = kernel.skipped
    if kernel.locks or kernel.requests:  # they are probed
        words["probed"] = [kernel.locks, kernel.requests]
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:20]


def _words_of(options: RunOptions) -> dict[str, Any]:
    """Return the options that decide what the guest does; the kernel by its checksum, not its name."""
    left_out = {
        item.name for item, shown in options_of(RunOptions).values() if not shown.part_of_run
    }
    return {
        name: value
        for name, value in asdict(options).items()
        if name != "kernel" and name not in left_out
    }


def _given_files(options: RunOptions) -> list[Path]:
    """Return the files of the user's whose content the guest gets."""
    is_ours = options.program and not options.root
    program = [command.program_of(options.program)] if is_ours else []
    return [*program, *([Path(options.initrd)] if options.initrd else [])]


def _sha256_of(path: Path) -> str:
    """Return the checksum of a file, "" when it cannot be read: the run itself says so."""
    try:
        return sha256_of(path)
    except OSError:
        return ""


def judges() -> str:
    """Return a word for today's analysis: when it changes, kept runs are judged and counted again, not made again."""
    return digest_of(Path(analysis.__file__).parent, "*.py")


def digest_of(folder: Path, *patterns: str) -> str:
    """Return a word for the content of the files in a folder and below."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in folder.rglob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class RunCache:
    """The cells' folder of one matrix."""

    def __init__(self, out: Path) -> None:
        self.home = out / CELLS

    def folder(self, options: RunOptions, key: str) -> Path:
        """Return the run folder of a cell: words for people, and the key."""
        words = [options.platform, options.memory, f"{options.cpus}cpu", options.policy]
        words += [options.firmware_accepts, f"seed{options.seed}", key]
        return self.home / "-".join(_AWKWARD.sub("_", word) for word in words)

    def read(self, folder: Path) -> dict[str, Any] | None:
        """Return what was counted in a finished cell; None when there is no such cell, or only half of one."""
        try:
            record = json.loads(_record(folder).read_text())
        except (OSError, ValueError):
            return None
        whole = isinstance(record, dict) and record.get("format") == _FORMAT
        return record if whole and (folder / "run.json").is_file() else None

    def write(self, folder: Path, record: dict[str, Any]) -> None:
        """Mark a cell as finished."""
        text = json.dumps({"format": _FORMAT, **record}, indent=2, sort_keys=True)
        write_whole(_record(folder), text + "\n")

    def drop(self, folder: Path) -> None:
        """Remove a cell that is not finished, or is to be made again."""
        _record(folder).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _record(folder: Path) -> Path:
    return folder.with_name(folder.name + ".json")


@contextlib.contextmanager
def opened(out: Path) -> Iterator[RunCache]:
    """Hold the folder of a matrix, made if need be; raises BadInputError when it is something else's, in use, or removed meanwhile."""
    if out.exists() and not out.is_dir():
        raise BadInputError(
            f"{out} is not a folder: give a new folder or an existing matrix as --out"
        )
    if out.is_dir() and any(out.iterdir()) and not (out / _LOCK).exists():
        raise BadInputError(f"{out} is not empty and not a matrix: give a new folder as --out")
    (out / CELLS).mkdir(parents=True, exist_ok=True)
    with lock_file(out / _LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInputError(f"another acceptlab is using {out}: wait for it to end") from None
        try:
            yield RunCache(out)
        except Exception as error:
            if not is_in_place(out / _LOCK, lock):
                raise BadInputError(removed(out)) from error
            raise
