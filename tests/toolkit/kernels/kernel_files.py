# SPDX-License-Identifier: GPL-2.0-only
"""Kernels as files: packages as Debian makes them, and kernels in the cache."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from acceptlab.toolkit.kernels import store
from tests.toolkit import toy


def deb(folder: Path, package: str, version: str, files: dict[str, bytes]) -> Path:
    """Make a package with dpkg-deb."""
    tree = folder / "package"
    for name, data in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {package}\nVersion: {version}\nArchitecture: amd64\nMaintainer: t <t@t>\nDescription: t\n"
    )
    file = folder / f"{package}_1_amd64.deb"
    subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)
    shutil.rmtree(tree)
    return file


def files_of(package: str) -> dict[str, bytes]:
    """What Debian puts into a kernel package of this name."""
    release = re.sub(r"^linux-(image|binary|base)-|-unsigned$", "", package)
    image = toy.make_bzimage(version=f"{release} (t@t)".encode())
    config = b"CONFIG_UNACCEPTED_MEMORY=y\n"
    modules = f"usr/lib/modules/{release}"
    if "-base-" in package:
        return {f"{modules}/config": config}
    if "-binary-" in package:
        return {f"{modules}/vmlinuz": image}
    return {
        f"boot/vmlinuz-{release}": image,
        f"boot/config-{release}": config,
        f"{modules}/kernel/a.ko": b"",
    }


def cached(name: str, **meta: object) -> Path:
    """A kernel of the cache, with what its record says."""
    folder = store.folder_of(name)
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"name": name, **meta}))
    return toy.make_kernel(folder)
