# SPDX-License-Identifier: GPL-2.0-only
"""How a kernel was made: by which configuration and compiler. Counts of two kernels that differ in these say little about a patch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_COMPILER = re.compile(r'^CONFIG_CC_VERSION_TEXT="(.*)"$', re.MULTILINE)
_CROSS = re.compile(r"^(?:x86_64-linux-gnu-)?(gcc|clang)(?:-[0-9]+)?\b")
_OF_TOOLS = re.compile(
    r"CONFIG_(?:CC|GCC|CLANG|AS|LD|LLD|RUSTC|RUST|BINDGEN|PAHOLE|TOOLS|TOOLCHAIN)_|CONFIG_(?:LOCALVERSION|BUILD_SALT)\b"
)
"""Options that kbuild sets by the tools it finds, or that only name a build (init/Kconfig)."""


def configuration_of(config: Path | None, record: Mapping[str, Any]) -> str:
    """Return one word for a kernel's configuration, "" where it is not known.

    Of a kernel that was built here it stands for what was asked of kbuild, so that it is the same for all patches of a series even
    where one adds an option; of any other for its options but those of the tools.
    """
    if "config_digest" in record:
        return str(record["config_digest"])
    text = _text(config)
    options = sorted(
        line
        for line in text.splitlines()
        if line.startswith("CONFIG_") and not _OF_TOOLS.match(line)
    )
    return hashlib.sha256("\n".join(options).encode()).hexdigest()[:12] if options else ""


def compiler_of(config: Path | None) -> str:
    """Return the compiler's name and version, as its configuration has it, "" where that is not known."""
    found = _COMPILER.search(_text(config))
    return _CROSS.sub(r"\1", found[1]) if found else ""


def _text(config: Path | None) -> str:
    try:
        return config.read_text(encoding="utf-8", errors="replace") if config else ""
    except OSError:
        return ""
