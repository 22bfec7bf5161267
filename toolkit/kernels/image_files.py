# SPDX-License-Identifier: GPL-2.0-only
"""Where kernel images and their configurations lie: in packages, modules' folders, /boot and build trees."""

from __future__ import annotations

from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.kbuild import is_kernel_tree

_BUILT = Path("arch/x86/boot/bzImage")
_IN_FOLDER = ("bzImage", "vmlinuz")
_IN_PACKAGE = (
    "boot/vmlinuz-*",
    "usr/lib/modules/*/vmlinuz",
    "lib/modules/*/vmlinuz",
    "usr/lib/modules/*/vmlinuz.unsigned",
)
"""Debian: /boot up to 7.1; Debian from 7.2 on, and Fedora: beside the modules."""
_CONFIGS = ("boot/config-*", "usr/lib/modules/*/config", "lib/modules/*/config")
IN_PACKAGE = (*_IN_PACKAGE, *_CONFIGS)
"""Patterns of all that a package may have of use."""
MODULES = ("usr/lib/modules", "lib/modules")


def image_in(folder: Path) -> Path:
    """Return the one kernel image of a build tree, an unpacked package or a modules' folder.

    Raises BadInputError when there is none, or more than one.
    """
    if (folder / _BUILT).is_file():
        return folder / _BUILT
    found = [folder / name for name in _IN_FOLDER if (folder / name).is_file()][:1]
    for pattern in _IN_PACKAGE:
        found = found or sorted(folder.glob(pattern))
    found = found or [path for path in [_boot_of(folder)] if path and path.is_file()]
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise BadInputError(f"{folder} has {len(found)} kernels: give one of {names}")
    if found:
        return found[0]
    if is_kernel_tree(folder):
        raise BadInputError(
            f"{folder} is a kernel tree without a build: run `acceptlab kernel build --tree {folder}`, "
            f"or `make bzImage` in it"
        )
    raise BadInputError(
        f"{folder} contains no kernel: no arch/x86/boot/bzImage, bzImage, vmlinuz, boot/vmlinuz-V or usr/lib/modules/V/vmlinuz"
    )


def _boot_of(modules: Path) -> Path | None:
    """Return where the image of a modules' folder (ROOT/usr/lib/modules/V) lies when it is not there itself."""
    root = _root_of(modules)
    return root / "boot" / f"vmlinuz-{modules.name}" if root else None


def _root_of(modules: Path) -> Path | None:
    """Return the root of ROOT/usr/lib/modules/V, or of ROOT/lib/modules/V."""
    for place in MODULES:
        parts = Path(place).parts
        if modules.parts[-len(parts) - 1 : -1] == parts:
            return Path(*modules.parts[: -len(parts) - 1])
    return None


def config_of(image: Path) -> Path | None:
    """Return the configuration that belongs to an image by its place, or None.

    /boot/vmlinuz-V has /boot/config-V or /usr/lib/modules/V/config; a modules' vmlinuz has config beside it; a build tree
    has .config, which counts unless it was edited after the build.
    """
    folder = image.parent
    if image.name.startswith("vmlinuz-"):
        release = image.name.removeprefix("vmlinuz-")
        places = [folder / f"config-{release}"]
        places += [folder.parent / place / release / "config" for place in MODULES]
    elif image.name in ("vmlinuz", "vmlinuz.unsigned") and (root := _root_of(folder)):
        places = [folder / "config", root / "boot" / f"config-{folder.name}"]
    elif image.match(str(_BUILT)):
        config = image.parents[len(_BUILT.parts) - 1] / ".config"
        places = [config] if _is_older(config, image) else []
    else:
        places = []
    return next((place for place in places if place.is_file()), None)


def _is_older(file: Path, than: Path) -> bool:
    try:
        return file.stat().st_mtime_ns <= than.stat().st_mtime_ns
    except OSError:
        return False
