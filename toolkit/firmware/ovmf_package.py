# SPDX-License-Identifier: GPL-2.0-only
"""Debian's OVMF images: fetched as packages through apt, unpacked without root, never changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.apt.packaged_file import Wanted, packaged_file
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache

OVMF = "ovmf"
_SUITE = "trixie"
"""Where no suite is named: Debian 12's own image cannot boot as an SNP guest (tianocore/edk2 pull request 6285)."""
_PACKAGES = {
    "ovmf": (("ovmf-generic", "ovmf"), "OVMF.fd", _SUITE),
    "ovmf-amdsev": (("ovmf-amdsev",), "OVMF.amdsev.fd", "sid"),
    "ovmf-inteltdx": (("ovmf-inteltdx",), "OVMF.inteltdx.ms.fd", "sid"),
}
"""By name: the packages that may have the image, its file, and the suite where none is named."""
NAMES = tuple(_PACKAGES)
_NAME = re.compile(r"([a-z-]+)(?::([a-z][a-z0-9-]*))?")


@dataclass(frozen=True)
class Firmware:
    """A firmware image: what the user typed, the file, and Debian's package and version ("" for another file)."""

    name: str
    path: Path
    package: str = ""
    version: str = ""


def is_name(argument: str) -> bool:
    """Return whether the argument names an image of Debian's, such as ``ovmf`` or ``ovmf:sid``; otherwise it is a file."""
    match = _NAME.fullmatch(argument)
    return match is not None and match[1] in _PACKAGES


def from_anywhere(argument: str) -> str:
    """Return the argument so that it names the same image from any folder."""
    path = Path(argument)
    return argument if is_name(argument) or not path.is_file() else str(path.resolve())


def resolve(argument: str) -> Firmware:
    """Return the image that the argument names, fetched if need be.

    Raises BadInputError when there is no such file or suite; MachineError when apt cannot get it.
    """
    if not is_name(argument):
        path = Path(argument)
        if not path.is_file():
            raise BadInputError(
                f"--firmware {argument}: no such file; give a file, or one of {', '.join(NAMES)}, with :SUITE or without"
            )
        return Firmware(argument, path.resolve())
    match = _NAME.fullmatch(argument)
    assert match is not None
    packages, image, usual = _PACKAGES[match[1]]
    wanted = Wanted(f"firmware {argument}", packages, image, match[2] or usual)
    folder = cache() / "firmware" / argument.replace(":", "-")
    found = packaged_file(wanted, folder, "image.fd")
    return Firmware(argument, found.path, found.package, found.version)
