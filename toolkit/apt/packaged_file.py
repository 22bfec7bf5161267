# SPDX-License-Identifier: GPL-2.0-only
"""One file of one of Debian's binary packages: fetched through apt, unpacked without root, cached."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit import full_disk
from acceptlab.toolkit.apt.client import Archive
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import Step, say, step
from acceptlab.toolkit.whole_files import locked, sha256_of, sync, write_whole


@dataclass(frozen=True)
class Wanted:
    """A file to fetch: `name` for messages, the packages that may have it, its file name in them, and the suite."""

    name: str
    packages: Sequence[str]
    file: str
    suite: str


@dataclass(frozen=True)
class PackagedFile:
    """A fetched file, and Debian's package and version that it came in."""

    path: Path
    package: str
    version: str


def packaged_file(wanted: Wanted, folder: Path, cached_as: str) -> PackagedFile:
    """Return the file, from `folder` (where it is called `cached_as`) or from Debian's archive.

    Raises BadInputError when the suite has no such package; MachineError when apt cannot get it.
    """
    with locked(
        folder.with_name(f".{folder.name}.lock"),
        lambda: say(f"another acceptlab is fetching {wanted.name}; waiting for it"),
    ):
        found = _cached(folder, cached_as)
        if found:
            return found
        with step(f"fetching {wanted.name}") as progress:
            return _fetch(wanted, folder / cached_as, progress)


def _cached(folder: Path, cached_as: str) -> PackagedFile | None:
    try:
        meta = json.loads((folder / "meta.json").read_text())
        found = PackagedFile(folder / cached_as, str(meta["package"]), str(meta["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.path.is_file() and sha256_of(found.path) == meta.get("sha256") else None


def _fetch(wanted: Wanted, path: Path, progress: Step) -> PackagedFile:
    archive = Archive(cache() / f"apt-packages-{wanted.suite}", suites=[wanted.suite])
    archive.update(progress)
    folder = path.parent
    for package in wanted.packages:
        for _, version in archive.binary_packages(re.escape(package))[:1]:
            deb = archive.download_binary(
                package, version, folder.with_name(f".{folder.name}.deb"), progress
            )
            return _unpack(PackagedFile(path, package, version), deb, wanted.file)
    raise BadInputError(
        f"{wanted.name}: the suite {wanted.suite} has no package {' or '.join(wanted.packages)}"
    )


def _unpack(file: PackagedFile, deb: Path, name: str) -> PackagedFile:
    """Take the file out of the package; raises MachineError when it is not there, or the disk is full."""
    folder = file.path.parent
    tree = deb.parent / "tree"
    try:
        done = subprocess.run(
            ["dpkg-deb", "-x", deb, tree], capture_output=True, text=True, check=False
        )
        found = [one for one in sorted(tree.rglob(name)) if one.is_file()]
        if done.returncode or not found:
            raise full_disk.failure(
                done.stderr,
                tree,
                f"{deb.name}: no {name} in it, or it could not be unpacked: {done.stderr.strip()}",
            )
        folder.mkdir(parents=True, exist_ok=True)
        sync(found[0])
        found[0].replace(file.path)
        meta = {
            "package": file.package,
            "version": file.version,
            "sha256": sha256_of(file.path),
        }
        write_whole(folder / "meta.json", json.dumps(meta, indent=2) + "\n")
    finally:
        shutil.rmtree(deb.parent, ignore_errors=True)
    return file
