# SPDX-License-Identifier: GPL-2.0-only
"""Files of a Debian package, written into a folder: those that are wanted, and never outside of it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath


def write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a regular file of an archive below ``folder``, at its own path. Raises TarError for a path that leads out of it.

    tarfile's own filter for that is younger than Debian 12's Python (3.11.2; the filter: 3.11.4).
    """
    path = PurePosixPath(member.name)
    content = tar.extractfile(member) if member.isfile() else None
    if path.is_absolute() or ".." in path.parts or content is None:
        raise tarfile.TarError(f"{member.name} is not a file that belongs into a folder")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as out:
        shutil.copyfileobj(content, out)
