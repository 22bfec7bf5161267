# SPDX-License-Identifier: GPL-2.0-only
"""What a KERNEL argument names: a stock kernel, a kernel of the cache, a bzImage, a UKI, a package, or a folder with one of these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.bzimage import read_bzimage
from acceptlab.toolkit.kernels import (
    debian_kernels,
    debian_packages,
    image_files,
    kernel_names,
    store,
    uki,
)
from acceptlab.toolkit.kernels.kernel_identity import compiler_of, configuration_of
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.whole_files import sha256_of

_DEB = b"!<arch>\ndebian-binary"
"""How a package begins (deb(5))."""


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
    package: str = ""
    """Debian's package that it came in, and that one's version; "" for any other kernel."""
    configuration: str = ""
    """One word for its configuration, "" where that is not known (kernel_identity)."""
    compiler: str = ""
    """The compiler's name and version, "" where they are not known."""

    @property
    def skipped(self) -> tuple[str, ...]:
        """Return functions of its series that only carry out an accept, besides Linux's own."""
        return tuple((self.series or {}).get("skip", ()))

    @property
    def locks(self) -> tuple[str, ...]:
        """Return the spin locks that its series added to the path that accepts memory."""
        return tuple((self.series or {}).get("locks", ()))

    @property
    def requests(self) -> dict[str, tuple[str, ...]]:
        """Return functions of its series that take requests as accept_memory() does, with the names of their first two parameters."""
        found = (self.series or {}).get("requests", {})
        return {name: tuple(parameters) for name, parameters in found.items()}


def resolve(argument: str) -> Kernel:
    """Return the kernel that the argument names, fetching a stock kernel that is not in the cache yet.

    Raises BadInputError when there is no such kernel, the file is not a 64-bit bzImage, or the cache's copy of one that was built is damaged.
    """
    cached = (
        debian_kernels.ensure(argument) if kernel_names.is_name(argument) else store.find(argument)
    )
    if cached is None and (path := _path(argument)).is_file():
        cached = debian_packages.kernel_of(path) if _is_deb(path) else uki.kernel_of(path)
    if cached and not store.is_whole(cached):
        cached = _again(argument, cached)
    image = cached.image if cached else _image(_path(argument))
    version = read_bzimage(image).version.split(" ")[0]
    config = _beside(image, "config") or image_files.config_of(image)
    return Kernel(
        argument, image, version, sha256_of(image), config, _beside(image, "vmlinux"), store.series_of(image), _package(cached),
        configuration_of(config, cached.meta if cached else {}), compiler_of(config),
    )  # fmt: skip


def _again(argument: str, damaged: store.CachedKernel) -> store.CachedKernel:
    """Return a stock kernel fetched again; any other one has to be built or given again."""
    if not kernel_names.is_name(argument):
        folder = damaged.image.parent
        raise BadInputError(
            f"the kernel {argument} in the cache is damaged: its image is not what was put there; remove {folder}, and build or give it again"
        )
    say(f"the copy of {argument} in the cache is damaged and is fetched again")
    return debian_kernels.ensure(argument, again=True)


def _package(cached: store.CachedKernel | None) -> str:
    """Return package and version of a kernel that came in one."""
    if cached is None or "package" not in cached.meta:
        return ""
    return f"{cached.meta['package']} {cached.meta.get('version', '')}".strip()


def _beside(image: Path, name: str) -> Path | None:
    """Return a file of a kernel of the cache, None where it has none or the image lies elsewhere."""
    file = image.with_name(name)
    return file if image.parent.parent == store.home() and file.is_file() else None


def _image(path: Path) -> Path:
    return image_files.image_in(path) if path.is_dir() else path


def _is_deb(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_DEB)) == _DEB
    except OSError:
        return False


def _path(argument: str) -> Path:
    path = Path(argument)
    if argument and path.exists():
        return path.resolve()
    raise BadInputError(
        f"no kernel {argument!r}: give debian:VERSION or debian:SUITE, a bzImage, a UKI, a .deb, a folder with one of these, "
        "or a name from `acceptlab kernel list`"
    )
