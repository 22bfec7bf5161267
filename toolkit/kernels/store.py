# SPDX-License-Identifier: GPL-2.0-only
"""Kernel images in the cache: `kernels/<folder>/` with bzImage, config and meta.json, made whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.places import cache

IMAGE = "bzImage"
META = "meta.json"


@dataclass(frozen=True)
class CachedKernel:
    """One kernel image of the cache. `name` is what a user types; `version` is the package's or the release's."""

    name: str
    image: Path
    meta: dict[str, Any]

    @property
    def version(self) -> str:
        """Return the kernel's own release string, as `uname -r` prints it."""
        return str(self.meta.get("release", ""))


def home() -> Path:
    """Return the kernels' folder in the cache."""
    return cache() / "kernels"


def folder_of(name: str) -> Path:
    """Return the folder of a named kernel (`debian:6.12` lies in `debian-6.12`: a colon is awkward in paths)."""
    return home() / name.replace(":", "-")


def find(name: str) -> CachedKernel | None:
    """Return a kernel of the cache by its name, or None."""
    return _read(folder_of(name) / META)


def list_all() -> list[CachedKernel]:
    """Return every kernel of the cache, by name."""
    found = (_read(path) for path in home().glob(f"*/{META}"))
    return sorted((kernel for kernel in found if kernel), key=lambda kernel: kernel.name)


def _read(meta_path: Path) -> CachedKernel | None:
    """Read one record; a damaged one counts as absent, so that the kernel is fetched again."""
    try:
        meta = json.loads(meta_path.read_text())
        kernel = CachedKernel(str(meta["name"]), meta_path.with_name(IMAGE), meta)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kernel if kernel.image.is_file() else None
