# SPDX-License-Identifier: GPL-2.0-only
"""Debian's OVMF images: fetched as packages through apt, unpacked without root, never changed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit import full_disk
from acceptlab.toolkit.apt.client import Archive
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import Step, say, step
from acceptlab.toolkit.whole_files import locked, sha256_of, sync, write_whole

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
    folder = cache() / "firmware" / argument.replace(":", "-")
    with locked(
        folder.with_name(f".{folder.name}.lock"),
        lambda: say(f"another acceptlab is fetching {argument}; waiting for it"),
    ):
        found = _cached(argument, folder)
        if found:
            return found
        with step(f"fetching firmware {argument}") as progress:
            return _fetch(argument, folder, progress)


def _cached(name: str, folder: Path) -> Firmware | None:
    try:
        meta = json.loads((folder / "meta.json").read_text())
        found = Firmware(name, folder / "image.fd", str(meta["package"]), str(meta["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.path.is_file() and sha256_of(found.path) == meta.get("sha256") else None


def _fetch(name: str, folder: Path, progress: Step) -> Firmware:
    match = _NAME.fullmatch(name)
    assert match is not None
    packages, image, usual = _PACKAGES[match[1]]
    suite = match[2] or usual
    archive = Archive(cache() / f"apt-firmware-{suite}", suites=[suite])
    archive.update(progress)
    for package in packages:
        for _, version in archive.binary_packages(re.escape(package))[:1]:
            deb = archive.download_binary(
                package, version, folder.with_name(f".{folder.name}.deb"), progress
            )
            return _unpack(Firmware(name, folder / "image.fd", package, version), deb, image)
    raise BadInputError(
        f"--firmware {name}: the suite {suite} has no package {' or '.join(packages)}"
    )


def _unpack(firmware: Firmware, deb: Path, image: str) -> Firmware:
    """Take the image out of the package; raises MachineError when it is not there, or the disk is full."""
    folder = firmware.path.parent
    tree = deb.parent / "tree"
    try:
        done = subprocess.run(
            ["dpkg-deb", "-x", deb, tree], capture_output=True, text=True, check=False
        )
        found = sorted(tree.rglob(image)) if done.returncode == 0 else []
        if not found:
            raise full_disk.failure(
                done.stderr,
                tree,
                f"{deb.name}: no {image} in it, or it could not be unpacked: {done.stderr.strip()}",
            )
        folder.mkdir(parents=True, exist_ok=True)
        sync(found[0])
        found[0].replace(firmware.path)
        meta = {
            "package": firmware.package,
            "version": firmware.version,
            "sha256": sha256_of(firmware.path),
        }
        write_whole(folder / "meta.json", json.dumps(meta, indent=2) + "\n")
    finally:
        shutil.rmtree(deb.parent, ignore_errors=True)
    return firmware
