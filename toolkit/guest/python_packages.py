# SPDX-License-Identifier: GPL-2.0-only
"""Python packages of our own environment, as files for a guest that has the same Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_LEFT_OUT = {"..", "__pycache__", "tests", "include"}
"""Folders: what is installed outside the packages' own place, and what nothing loads."""


def files_of(packages: Iterable[str], unused: tuple[str, ...] = ()) -> dict[str, Path]:
    """Return the files of packages and of all that they depend on: where they are, by where they go.

    ``unused`` are beginnings of file names to leave out. Raises PackageNotFoundError for a package that is not installed.
    """
    found: dict[str, Path] = {}
    for package in _with_dependencies(packages):
        for file in package.files or ():
            path = PurePosixPath(file)
            if not (_LEFT_OUT & set(path.parts) or path.name.startswith(unused)):
                found[str(path)] = Path(str(package.locate_file(file)))
    return dict(sorted(found.items()))


def _with_dependencies(packages: Iterable[str]) -> list[Distribution]:
    """The packages, and what those need that are installed without an extra or a marker for another system."""
    todo, seen = list(packages), dict[str, Distribution]()
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in seen:
            continue
        seen[name] = distribution(name)
        for requirement in seen[name].requires or ():
            named = _NAME.match(requirement)
            if named and ";" not in requirement:
                todo.append(named[0])
    return list(seen.values())
