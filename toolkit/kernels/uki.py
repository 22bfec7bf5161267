# SPDX-License-Identifier: GPL-2.0-only
"""Unified kernel images: a PE file of systemd-stub, whose section .linux is the kernel (UAPI group specification 5, "UKI")."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.bzimage import parse_bzimage
from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.whole_files import locked, sha256_of, write_whole
from acceptlab.toolkit.whole_folders import made_beside

_LINUX = b".linux\0\0"
# Microsoft's "PE Format": MS-DOS stub, COFF file header, section table.
_PE_OFFSET_AT = 0x3C
_COFF = struct.Struct(
    "<4sHHIIIHH"
)  # signature, machine, sections, ..., size of the optional header
_SECTION = struct.Struct("<8sIIII16x")  # name, size in memory, address, size in the file, offset
_SECTIONS_MAX = 96
_HEADERS = 64 << 10
"""More than the headers of any PE file take."""
_HDRS = 0x202
"""Where a bzImage, which is a PE file as well, has its magic."""


def kernel_of(path: Path) -> store.CachedKernel | None:
    """Return the kernel in a unified kernel image, from the cache when it was taken out before; None for any other file.

    Its command line and initramfs are not used. Raises BadInputError when the section lies outside of the file, or has no kernel.
    """
    place = _section(path)
    if place is None:
        return None
    digest = sha256_of(path)
    name = f"uki-{digest[:16]}"
    with locked(store.home() / f".{name}.lock"):
        found = store.find(name)
        if found is None:
            _keep(path, place, name, digest)
            found = store.find(name)
        assert found is not None
        return found


def _section(path: Path) -> tuple[int, int] | None:
    """Return offset and size of the section .linux in the file; None where there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADERS)
    except OSError:
        return None
    if head[:2] != b"MZ" or head[_HDRS : _HDRS + 4] == b"HdrS" or len(head) < _PE_OFFSET_AT + 4:
        return None
    (at,) = struct.unpack_from("<I", head, _PE_OFFSET_AT)
    if at + _COFF.size > len(head):
        return None
    signature, _, sections, _, _, _, optional, _ = _COFF.unpack_from(head, at)
    at += _COFF.size + optional
    if signature != b"PE\0\0" or sections > _SECTIONS_MAX:
        return None
    for number in range(sections):
        if at + (number + 1) * _SECTION.size > len(head):
            return None
        name, used, _, size, offset = _SECTION.unpack_from(head, at + number * _SECTION.size)
        if name == _LINUX:
            return offset, min(used, size) or size
    return None


def _keep(path: Path, place: tuple[int, int], name: str, digest: str) -> None:
    offset, size = place
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise BadInputError(f"{path}: its section .linux is cut short; copy the file again")
    release = parse_bzimage(data, path).version.split(" ")[0]
    with made_beside(store.folder_of(name)) as folder:
        write_whole(folder / store.IMAGE, data)
        meta = {
            "name": name, "release": release, "sha256": sha256_of(folder / store.IMAGE), "file": str(path), "uki_sha256": digest,
        }  # fmt: skip
        write_whole(folder / store.META, json.dumps(meta, indent=2) + "\n")
