# SPDX-License-Identifier: GPL-2.0-only
"""A Debian userspace as a folder, made without root: packages unpacked, and not configured.

Maintainers' scripts would need root. What a program needs of them is done here: users and groups, links of the merged /usr,
and an awk.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from acceptlab.toolkit import full_disk
from acceptlab.toolkit.apt.client import NO_SUITE, Archive
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import Step

_BASE = "?or(?essential,?priority(required))"
"""What every system of Debian has (apt-patterns(7))."""
_MERGED = ("bin", "sbin", "lib", "lib64")
_LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
_ACCOUNTS = {
    "etc/passwd": "usr/share/base-passwd/passwd.master",
    "etc/group": "usr/share/base-passwd/group.master",
}
_LINKS = {"usr/bin/awk": "mawk", "etc/mtab": "/proc/self/mounts"}
_EPOCH = 1767225600
"""2026-01-01: the time of what is made here."""


def make_tree(suite: str, packages: Sequence[str], tree: Path, progress: Step) -> list[str]:
    """Fill ``tree`` with a suite's essential packages and others by name, and all that these depend on.

    Returns the packages with their versions. Raises BadInputError for a suite or a package that there is not, MachineError when
    apt fails.
    """
    archive = Archive(cache() / f"apt-packages-{suite}", suites=[suite])
    try:
        archive.update(progress)
    except MachineError as error:
        if NO_SUITE not in str(error):
            raise
        raise BadInputError(
            f"--root debian:{suite}: the configured mirror has no suite {suite}"
        ) from None
    if missing := [one for one in packages if not archive.binary_packages(re.escape(one))]:
        raise BadInputError(f"--root debian:{suite}: the suite has no package {', '.join(missing)}")
    debs = tree.with_name("debs")
    try:
        archive.download_with_dependencies((_BASE, *packages), debs, progress)
        tree.mkdir()
        for name in _MERGED:
            (tree / "usr" / name).mkdir(parents=True)
            (tree / name).symlink_to(f"usr/{name}")
        found = sorted(debs.glob("*.deb"))
        for number, deb in enumerate(found):
            progress.update(note=f"unpacking {number + 1} of {len(found)} packages")
            _unpack(deb, tree)
        _complete(tree)
    finally:
        shutil.rmtree(debs, ignore_errors=True)
    return [_name(deb) for deb in found]


def _name(deb: Path) -> str:
    """Return `bash 5.2-1` of bash_5.2-1_amd64.deb; apt writes a colon as %3a."""
    package, version, _ = deb.stem.split("_")
    return f"{package} {version.replace('%3a', ':')}"


def _unpack(deb: Path, tree: Path) -> None:
    """Unpack one package; files of other users become ours, and what nobody but root could read, we can."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as source:
        done = subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "--exclude=./dev/*", "-C", tree],
            stdin=source.stdout, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode or source.returncode:
        raise full_disk.failure(
            done.stderr, tree, f"{deb.name} could not be unpacked: {done.stderr.strip()}"
        )


def _complete(tree: Path) -> None:
    """Do what packages' scripts do, as far as programs need it, and leave out what takes room."""
    for name in _LEFT_OUT:
        shutil.rmtree(tree / name, ignore_errors=True)
    for name, source in _ACCOUNTS.items():
        if (tree / source).is_file() and not (tree / name).exists():
            shutil.copyfile(tree / source, tree / name)
    for name, target in _LINKS.items():
        link = tree / name
        if not link.is_symlink() and (target.startswith("/") or (link.parent / target).exists()):
            link.symlink_to(target)
            os.utime(link, (_EPOCH, _EPOCH), follow_symlinks=False)
    for name in ("dev", "proc", "sys", "run", "tmp", "root"):
        (tree / name).mkdir(exist_ok=True)
    for folder, folders, files in os.walk(tree):
        for path in (Path(folder) / name for name in (*folders, *files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o500 if path.is_dir() else 0o400))
        os.utime(folder, (_EPOCH, _EPOCH))
    for name in _ACCOUNTS:
        if (tree / name).exists():
            os.utime(tree / name, (_EPOCH, _EPOCH))


def check_names(suite: str, packages: Sequence[str]) -> None:
    """Raise BadInputError for what cannot be a suite or a package (Debian policy 5.6.1)."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", suite):
        raise BadInputError(
            f"--root debian:{suite}: must be debian:SUITE or debian:SUITE,PACKAGE..., such as debian:trixie"
        )
    for name in packages:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]+", name):
            raise BadInputError(f"--root debian:{suite}: {name!r} is no package")
