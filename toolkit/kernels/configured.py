# SPDX-License-Identifier: GPL-2.0-only
"""Whether a folder of objects is configured already: Kconfig takes seconds of each build, to come to what is there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from acceptlab.toolkit.kernels import kbuild
from acceptlab.toolkit.kernels.kernel_config import Configuration
from acceptlab.toolkit.whole_files import write_whole

_STAMP = "acceptlab-configured"
_READ_BY_KCONFIG = Path("include/config/auto.conf.cmd")
"""kbuild's list of all files that Kconfig has read (scripts/kconfig/confdata.c, conf_write_autoconf_cmd())."""
_DEPENDENCY = re.compile(r"^\t(?P<file>\S+)(?: \\)?$", re.MULTILINE)
_BESIDES = ("Makefile", "scripts/kconfig/*", "kernel/configs/*", "arch/x86/configs/*")
"""What decides besides: the version, Kconfig itself, and what its targets begin with."""


def is_configured(tree: Path, objects: Path, config: Configuration) -> bool:
    """Return whether Kconfig has written objects/.config for this configuration, and nothing that it reads has changed since."""
    try:
        return (objects / _STAMP).read_text() == _state(tree, objects, config)
    except (OSError, UnicodeDecodeError):
        return False


def note_configured(tree: Path, objects: Path, config: Configuration) -> None:
    """Remember that objects/.config is what Kconfig makes of this configuration. Does nothing before kbuild has listed its files."""
    try:
        write_whole(objects / _STAMP, _state(tree, objects, config))
    except (OSError, UnicodeDecodeError):
        (objects / _STAMP).unlink(missing_ok=True)


def _state(tree: Path, objects: Path, config: Configuration) -> str:
    """Return one word for the configuration, the toolchain, and every file that Kconfig reads. Raises OSError for one that is not there."""
    state = hashlib.sha256(f"{config.digest()}\n{kbuild.toolchain()}\n".encode())
    state.update((objects / ".config").read_bytes())
    for file in _files(tree, objects):
        known = file.stat()
        state.update(
            f"{file} {known.st_size} {known.st_mtime_ns}\n".encode(errors="surrogateescape")
        )
    return state.hexdigest() + "\n"


def _files(tree: Path, objects: Path) -> Iterator[Path]:
    listed = (objects / _READ_BY_KCONFIG).read_text()
    for found in _DEPENDENCY.finditer(listed):
        yield tree / found["file"]
    for pattern in _BESIDES:
        yield from sorted(tree.glob(pattern))
