# SPDX-License-Identifier: GPL-2.0-only
"""A guest's root file system as users name it: a folder, an image, or `debian:SUITE`; and the image that the guest gets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.guest import ext4_image, unpacked_debian
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import say, step
from acceptlab.toolkit.whole_files import locked, sha256_of, write_whole
from acceptlab.toolkit.whole_folders import made_beside

DEBIAN = "debian:"
_IMAGE, _META = "image", "meta.json"
_MAGIC = (
    ("ext4", 1080, b"\x53\xef"),
    ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
    ("squashfs", 0, b"hsqs"),
    ("xfs", 0, b"XFSB"),
    ("btrfs", 65600, b"_BHRfS_M"),
)
"""Name, offset and magic number (Linux include/uapi/linux/magic.h); ext2 and ext3 are mounted by ext4, too."""
_READ = 65608


@dataclass(frozen=True)
class RootImage:
    """The image of a root file system. ``source`` is as the user gave it."""

    path: Path
    file_system: str
    sha256: str
    source: str


def file_system_of(text: str) -> str:
    """Return which file system the image has. Raises BadInputError for what names none; nothing is made."""
    if text.startswith(DEBIAN):
        unpacked_debian.check_names(*_names(text))
        return ext4_image.FILE_SYSTEM
    path = Path(text)
    return ext4_image.FILE_SYSTEM if path.is_dir() else _file_system(path)


def check_root(text: str) -> None:
    """Raise BadInputError for what names no root file system; nothing is made for it."""
    file_system_of(text)


def absolute(text: str) -> str:
    """Return the value with its path, if it is one, made absolute."""
    return text if not text or text.startswith(DEBIAN) else str(Path(text).resolve())


def root_image(text: str) -> RootImage:
    """Return the image, made or fetched if need be.

    Raises BadInputError for what names no root file system, MachineError when it cannot be made.
    """
    if text.startswith(DEBIAN):
        return _of_debian(text)
    path = Path(text)
    if path.is_dir():
        return _of_folder(text, path.resolve())
    return RootImage(path.resolve(), _file_system(path), sha256_of(path), text)


def digest_of(text: str) -> str:
    """Return a word for the content of a root file system, "" where that is not known before it is made."""
    path = Path(text)
    if text.startswith(DEBIAN):
        found = _read(_folder_of(text), text)
        return found.sha256 if found else ""
    return ext4_image.digest_of(path) if path.is_dir() else sha256_of(path)


def _file_system(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(_READ)
    except OSError as error:
        raise BadInputError(
            f"--root {path}: {error.strerror}; give a folder, an image or debian:SUITE"
        ) from error
    for name, offset, magic in _MAGIC:
        if start[offset : offset + len(magic)] == magic:
            return name
    known = ", ".join(name for name, _, _ in _MAGIC)
    raise BadInputError(
        f"--root {path}: not an image of a file system ({known}); one with a partition table is none"
    )


def _home() -> Path:
    return cache() / "roots"


def _of_folder(text: str, tree: Path) -> RootImage:
    digest = ext4_image.digest_of(tree)
    folder = _home() / digest
    with _making(folder, text):
        if not (found := _read(folder, text)):
            with step(f"making an image of {tree}"), made_beside(folder) as beside:
                ext4_image.make_image(tree, digest, beside / _IMAGE)
                _write_meta(beside, {})
            found = _read(folder, text)
    return _made(found, folder)


@contextmanager
def _making(folder: Path, text: str) -> Iterator[None]:
    with locked(
        folder.with_name(f".{folder.name}.lock"),
        lambda: say(f"another acceptlab is making {text}; waiting for it"),
    ):
        yield


def _names(text: str) -> tuple[str, list[str]]:
    """Return the suite and the packages of debian:SUITE,PACKAGE..."""
    suite, *packages = text.removeprefix(DEBIAN).split(",")
    return suite, sorted(packages)


def _folder_of(text: str) -> Path:
    suite, packages = _names(text)
    return _home() / ",".join((f"debian-{suite}", *packages))


def _of_debian(text: str) -> RootImage:
    suite, packages = _names(text)
    unpacked_debian.check_names(suite, packages)
    folder = _folder_of(text)
    with _making(folder, text):
        if not (found := _read(folder, text)):
            with (
                step(f"making a root file system of {text}") as progress,
                made_beside(folder) as beside,
            ):
                tree = beside / "tree"
                listed = unpacked_debian.make_tree(suite, packages, tree, progress)
                progress.update(note="image")
                digest = ext4_image.digest_of(tree)
                ext4_image.make_image(tree, digest, beside / _IMAGE)
                shutil.rmtree(tree)
                _write_meta(beside, {"packages": listed})
            found = _read(folder, text)
    return _made(found, folder)


def _made(found: RootImage | None, folder: Path) -> RootImage:
    if found is None:
        raise MachineError(f"{folder}: the image is gone; run again")
    return found


def _write_meta(folder: Path, more: dict[str, Any]) -> None:
    meta = {"sha256": sha256_of(folder / _IMAGE), **more}
    write_whole(folder / _META, json.dumps(meta, indent=2) + "\n")


def _read(folder: Path, text: str) -> RootImage | None:
    """Return the image of the cache; None for none, or one that is not as it was made."""
    image = folder / _IMAGE
    try:
        expected = json.loads((folder / _META).read_text())["sha256"]
        whole = sha256_of(image) == expected
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return RootImage(image, ext4_image.FILE_SYSTEM, expected, text) if whole else None
