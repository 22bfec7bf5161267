# SPDX-License-Identifier: GPL-2.0-only
"""What a KERNEL argument names: a stock kernel, a kernel of the cache, or a bzImage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import BadInputError
from toolkit.files import sha256_of
from toolkit.guests.bzimage import read_bzimage
from toolkit.kernels import debian, store


@dataclass(frozen=True)
class Kernel:
    """A kernel image that can be run. `name` is what the user typed; `version` the image's own release string."""

    name: str
    image: Path
    version: str
    sha256: str
    config: Path | None = None
    """The kernel's configuration, where it is at hand."""
    vmlinux: Path | None = None
    """The kernel as ELF with symbols, where it is at hand."""
    series: dict[str, Any] | None = None
    """Of which series it is, as run.json has it (store.series_of)."""


def resolve(argument: str) -> Kernel:
    """Return the kernel that the argument names, fetching a stock kernel that is not in the cache yet.

    Raises BadInputError when there is no such kernel or the file is not a 64-bit bzImage.
    """
    if argument in debian.STOCK:
        image = debian.ensure(argument).image
    else:
        cached = store.find(argument)
        image = cached.image if cached else _path(argument)
    version = read_bzimage(image).version.split(" ")[0]
    return Kernel(
        argument, image, version, sha256_of(image), _beside(image, "config"), _beside(image, "vmlinux"),
        store.series_of(image),
    )  # fmt: skip


def _beside(image: Path, name: str) -> Path | None:
    """Return a file of a kernel of the cache, None where it has none or the image lies elsewhere."""
    file = image.with_name(name)
    return file if image.parent.parent == store.home() and file.is_file() else None


def _path(argument: str) -> Path:
    path = Path(argument)
    if path.is_file():
        return path.resolve()
    if path.exists():
        raise BadInputError(
            f"{argument} is no file: KERNEL is a bzImage, or a name that `acceptlab kernel list` shows"
        )
    raise BadInputError(
        f"no kernel {argument!r}: give the path of a bzImage, or a name that `acceptlab kernel list` shows"
    )
