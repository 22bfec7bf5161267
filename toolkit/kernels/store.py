# SPDX-License-Identifier: GPL-2.0-only
"""Kernel images in the cache: `kernels/<folder>/` with bzImage, config and meta.json, made whole or not at all."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.diagnostics import Diagnostic, from_json, to_json
from acceptlab.toolkit.kernels.kbuild import toolchain
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.whole_files import sha256_of, write_whole
from acceptlab.toolkit.whole_folders import made_beside

if TYPE_CHECKING:
    from acceptlab.toolkit.kernels.kernel_build import Built

IMAGE = "bzImage"
META = "meta.json"
CONFIG = "config"
_WARNINGS = "warnings.json"
_KEPT = {".config": "config", "vmlinux": "vmlinux", "System.map": "System.map"}
"""What is kept of a build beside its image: kbuild's name, ours."""
_FUNCTIONS = ("skip", "waits", "locks", "requests")
"""What a record says of functions and locks of the series' own (docs/series.md)."""
_SERIES = ("base", "patches", "subject", "commit", *_FUNCTIONS)
"""What a record says of the series beside its name."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]*")
_FIND = re.compile(rf"{_NAME.pattern}(?:[:/][A-Za-z0-9._+~-]+)*")
"""Names of kernels that are built here, and of stock ones; a path that begins with a slash or a dot is none."""


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
    """Return the folder of a named kernel (`debian:7.3/rt` lies in `debian-7.3-rt`: colon and slash are awkward in paths)."""
    return home() / re.sub("[:/]", "-", name)


def find(name: str) -> CachedKernel | None:
    """Return a kernel of the cache by its name, or None."""
    return _read(folder_of(name) / META) if _FIND.fullmatch(name) else None


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
    return kernel if kernel.image.is_file() and kernel.image.stat().st_size else None


def is_whole(kernel: CachedKernel) -> bool:
    """Whether the image is what was put into the cache, as far as its record says what that was."""
    expected = kernel.meta.get("sha256")
    return expected is None or sha256_of(kernel.image) == expected


def series_of(image: Path) -> dict[str, Any] | None:
    """Return of which series a kernel of the cache is: name, base, how many patches are applied, the last one's subject and commit, functions of its own.

    None for any other kernel.
    """
    kernel = _read(image.with_name(META)) if image.parent.parent == home() else None
    if kernel is None or "series" not in kernel.meta:
        return None
    told = {"name": kernel.meta["series"]}
    return told | {name: kernel.meta[name] for name in _SERIES if name in kernel.meta}


def check_name(name: str) -> None:
    """Raise BadInputError for what no kernel that is built here can be called."""
    if not _NAME.fullmatch(name):
        raise BadInputError(
            f"{name!r} is not a valid kernel name: use letters, digits, dots and dashes; colons are for stock kernels"
        )


def install(name: str, built: Built, meta: Mapping[str, Any]) -> CachedKernel:
    """Put a build into the cache under a name, in place of what had that name; whole or not at all."""
    check_name(name)
    folder = folder_of(name)
    with made_beside(folder) as beside:
        shutil.copy2(built.image, beside / IMAGE)
        for theirs, ours in _KEPT.items():
            if (built.objects / theirs).is_file():
                shutil.copy2(built.objects / theirs, beside / ours)
        write_whole(beside / _WARNINGS, json.dumps(to_json(built.said), indent=1) + "\n")
        about = {
            "name": name,
            "release": built.release,
            "sha256": sha256_of(beside / IMAGE),
            **{
                f"{ours}_sha256": sha256_of(beside / ours)
                for ours in _KEPT.values()
                if (beside / ours).is_file()
            },
            "toolchain": toolchain(),
            "configuration": [built.config.target, *map(str, built.config.fragments)],
            "config_digest": built.config.digest(),
            "warnings": len(built.said),
            "build_seconds": round(built.seconds, 1),
            **meta,
        }
        write_whole(beside / META, json.dumps(about, indent=2) + "\n")
    found = find(name)
    assert found is not None
    return found


def with_functions(kernel: CachedKernel, functions: Mapping[str, Any]) -> CachedKernel:
    """Return a kernel of a series with these functions of the series' own in its record, which is written again if it has others."""
    others = {key: value for key, value in kernel.meta.items() if key not in _FUNCTIONS}
    meta = {**others, **functions}
    if meta != kernel.meta:
        write_whole(kernel.image.with_name(META), json.dumps(meta, indent=2) + "\n")
    return CachedKernel(kernel.name, kernel.image, meta)


def warnings_of(kernel: CachedKernel) -> list[Diagnostic]:
    """Return what compiler and linker said of the whole of a kernel that was built here."""
    try:
        return from_json(json.loads(kernel.image.with_name(_WARNINGS).read_text()))
    except (OSError, ValueError, TypeError):
        return []
