# SPDX-License-Identifier: GPL-2.0-only
"""Debian's stock cloud kernels: fetched as packages through apt, unpacked without root, never changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from toolkit.apt.client import Archive
from toolkit.errors import BadInputError, MachineError
from toolkit.files import locked, sha256_of, write_whole
from toolkit.kernels import store
from toolkit.places import cache
from toolkit.progress import Step, say, step


@dataclass(frozen=True)
class Stock:
    """A stock kernel: the pattern of its package's name, of which the newest version is taken, and one line about it."""

    pattern: str
    about: str


STOCK = {
    "debian:6.12": Stock(
        r"linux-image-6\.12\.\d+\+deb12-cloud-amd64-unsigned",
        "accepts memory lazily (unaccepted memory since 6.5)",
    ),
    "debian:6.1": Stock(
        r"linux-image-6\.1\.0-\d+-cloud-amd64-unsigned",
        "SNP and TDX guest support, but knows nothing of unaccepted memory",
    ),
}


def ensure(name: str) -> store.CachedKernel:
    """Return a stock kernel from the cache, fetched first if need be.

    Raises BadInputError for a name that is none of `STOCK`, MachineError when apt cannot get it.
    """
    if name not in STOCK:
        raise BadInputError(f"{name!r} is no stock kernel: choose from {', '.join(STOCK)}")
    found = store.find(name)
    if found:
        return found
    lock = store.home() / f".{name.replace(':', '-')}.lock"
    with locked(lock, lambda: say(f"another acceptlab fetches {name} now; waiting for it")):
        found = store.find(name)
        if found:
            return found
        with step(f"fetching kernel {name}") as progress:
            return _fetch(name, progress)


def _fetch(name: str, progress: Step) -> store.CachedKernel:
    archive = Archive(cache() / "apt")
    archive.update(progress)
    packages = archive.binary_packages(STOCK[name].pattern)
    if not packages:
        raise MachineError(
            f"the apt sources of this machine have no package for {name}: Debian 12 with its security updates has"
        )
    package, version = packages[0]
    folder = store.folder_of(name)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        _unpack(archive, package, version, beside, name, progress)
        shutil.rmtree(folder, ignore_errors=True)
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    found = store.find(name)
    assert found is not None
    return found


def _unpack(
    archive: Archive, package: str, version: str, folder: Path, name: str, progress: Step
) -> None:
    """Download and unpack one package, and keep of it what a run needs."""
    deb = archive.download_binary(package, version, folder / "deb", progress)
    tree = folder / "tree"
    progress.update(note="unpacking")
    done = subprocess.run(["dpkg", "-x", deb, tree], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MachineError(f"{deb.name} could not be unpacked: {done.stderr.strip()}")
    image = next((tree / "boot").glob("vmlinuz-*"))
    release = image.name.removeprefix("vmlinuz-")
    image.replace(folder / store.IMAGE)
    (tree / "boot" / f"config-{release}").replace(folder / "config")
    meta = {
        "name": name,
        "release": release,
        "package": package,
        "version": version,
        "deb_sha256": sha256_of(deb),
        "sha256": sha256_of(folder / store.IMAGE),
    }
    shutil.rmtree(tree)
    shutil.rmtree(folder / "deb")
    write_whole(folder / store.META, json.dumps(meta, indent=2) + "\n")
