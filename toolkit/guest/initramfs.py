# SPDX-License-Identifier: GPL-2.0-only
"""The guests' initramfs: our init, built once and kept in the cache under the key of what it was made from and its own checksum."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.guest.cpio import (
    character_device,
    directory,
    executable,
    regular,
    write_cpio,
)
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.whole_files import cached_file

_SOURCES = tuple(
    Path(__file__).with_name(name)
    for name in (
        "init.c",
        "init-breakpoint.c",
        "init-command.c",
        "init-exhaust.c",
        "init-memory.c",
        "init-second.c",
        "init-stats.c",
        "init-text.c",
        "init-together.c",
        "init-trace.c",
        "init-hotplug.c",
        "init-root.c",
        "init-use.c",
    )
)
_HEADER = Path(__file__).with_name("init.h")
_FLAGS = (
    "-static",
    "-Os",
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-s",
    "-Wl,--build-id=none",
)
_ERROR = re.compile(r"error:|cannot find", re.IGNORECASE)
"""What gcc and ld call the cause; the last line is often "collect2: error: ld returned 1"."""
_NO_LIBC = re.compile(
    r"cannot find (-lc|crt1\.o|libc\.a)\b|\b(stdio|stdlib|string|unistd|errno)\.h: No such file"
)


def archive_of(init: bytes) -> bytes:
    """Return an uncompressed initramfs whose only program is ``init``."""
    return write_cpio(
        [
            directory("dev"),
            character_device("dev/console", 5, 1),
            directory("proc"),
            directory("sys"),
            directory("tmp"),
            executable("init", init),
        ]
    )


def with_second_kernel(archive: bytes, kernel: bytes) -> bytes:
    """Return an initramfs with a kernel (a bzImage) for its init to start, and `archive` itself as that kernel's initramfs.

    Linux unpacks archives that follow each other as one; init-second.c has the names.
    """
    return archive + write_cpio(
        [
            directory("second"),
            regular("second/kernel", kernel),
            regular("second/initrd", archive),
        ]
    )


def initramfs(folder: Path | None = None) -> Path:
    """Return the path of the initramfs, built if the cache (or ``folder``) has none for the present source and compiler.

    Raises MachineError when there is no compiler, when it fails, or when the result cannot be written.
    """
    folder = folder or cache() / "initramfs"
    try:
        return cached_file(folder, _key(), ".cpio", lambda: archive_of(_compile()))
    except OSError as error:
        raise MachineError(f"{folder}: cannot write the initramfs: {error.strerror}") from error


def _run(command: list[str]) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise MachineError("gcc is missing; install the packages gcc and libc6-dev") from error
    if done.returncode:
        raise MachineError(_why(done.stderr.decode(errors="replace"), done.returncode))
    return done.stdout


def _why(said: str, code: int) -> str:
    """Return one line with the compiler's first error, and libc6-dev where it is the C library that is missing."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = next(
        (line for line in lines if _ERROR.search(line)), (lines or [f"exit code {code}"])[-1]
    )
    install = "; install the package libc6-dev" if _NO_LIBC.search(said) else ""
    return f"cannot build the guests' init: {first}{install}"


def _key() -> str:
    made_from = [
        *(source.read_bytes() for source in (*_SOURCES, _HEADER)),
        " ".join(_FLAGS).encode(),
        _run(["gcc", "--version"]),
        archive_of(b""),
    ]
    return hashlib.sha256(b"\0".join(made_from)).hexdigest()[:16]


def _compile() -> bytes:
    with tempfile.TemporaryDirectory(prefix="acceptlab-init-") as scratch:
        binary = Path(scratch) / "init"
        _run(["gcc", *_FLAGS, "-o", str(binary), *map(str, _SOURCES)])
        return binary.read_bytes()
