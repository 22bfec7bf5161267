# SPDX-License-Identifier: GPL-2.0-only
"""Debian packages as files: unpacked without root, and the kernel that is in them."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from acceptlab.analysis.kernel.kernel_facts import PACKAGES
from acceptlab.toolkit import full_disk
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.firmware.bzimage import read_bzimage
from acceptlab.toolkit.kernels import image_files, store
from acceptlab.toolkit.kernels.package_files import write_member
from acceptlab.toolkit.whole_files import locked, sha256_of, write_whole
from acceptlab.toolkit.whole_folders import made_beside


def kernel_of(deb: Path) -> store.CachedKernel:
    """Return the kernel that a .deb of the user's holds, from the cache when it was unpacked before.

    Raises BadInputError when the file is no package, or holds no kernel.
    """
    digest = sha256_of(deb)
    name = f"deb-{digest[:16]}"
    with locked(store.home() / f".{name}.lock"):
        found = store.find(name)
        if found:
            return found
        package, version = _field(deb, "Package"), _field(deb, "Version")
        about = {"file": str(deb), "package": package, "version": version, "deb_sha256": digest}
        with made_beside(store.folder_of(name)) as beside:
            fill(beside, name, [deb], about)
        found = store.find(name)
        assert found is not None
        return found


def fill(folder: Path, name: str, debs: Sequence[Path], about: Mapping[str, Any]) -> None:
    """Unpack packages and keep in `folder` what a run needs of them: the image, the configuration if there is one, a record."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for deb in debs:
        _unpack(deb, tree)
    try:
        image = image_files.image_in(tree)
    except BadInputError:
        newest = PACKAGES[-1]
        since = ".".join(map(str, newest.first))
        raise BadInputError(
            f"{debs[0].name} holds no kernel image (from {since} on it is in the package {newest.fact.image}V)"
        ) from None
    config = image_files.config_of(image)
    if config:
        config.replace(folder / store.CONFIG)
    image.replace(folder / store.IMAGE)
    shutil.rmtree(tree)
    release = read_bzimage(folder / store.IMAGE).version.split(" ")[0]
    meta = {
        "name": name, "release": release, "sha256": sha256_of(folder / store.IMAGE), **about,
    }  # fmt: skip
    write_whole(folder / store.META, json.dumps(meta, indent=2) + "\n")


def _unpack(deb: Path, tree: Path) -> None:
    """Unpack images and configurations, and not the hundreds of modules beside them."""
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        with (
            contextlib.suppress(tarfile.TarError),
            tarfile.open(fileobj=process.stdout, mode="r|") as tar,
        ):
            for member in tar:
                name = PurePosixPath(member.name.removeprefix("./"))
                if member.isfile() and any(
                    _matches(name, pattern) for pattern in image_files.IN_PACKAGE
                ):
                    write_member(tar, member, tree)
        process.stdout.read()
        process.wait()
        errors.seek(0)
        if process.returncode != 0:
            said = errors.read()
            raise full_disk.failure(
                said, tree, f"{deb.name} could not be unpacked: {_first_line(said)}"
            )


def _matches(name: PurePosixPath, pattern: str) -> bool:
    return len(name.parts) == len(PurePosixPath(pattern).parts) and name.match(pattern)


def _field(deb: Path, name: str) -> str:
    try:
        done = subprocess.run(
            ["dpkg-deb", "-f", deb, name], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise MachineError(
            "dpkg-deb is not installed: unpack the package yourself and give its folder"
        ) from None
    if done.returncode != 0:
        raise BadInputError(f"{deb} is not a Debian package: {_first_line(done.stderr)}")
    return done.stdout.strip()


def _first_line(said: str) -> str:
    return next(iter(said.splitlines()), "no output from dpkg-deb")
