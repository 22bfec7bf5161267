# SPDX-License-Identifier: GPL-2.0-only
"""The checks of `acceptlab doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from acceptlab.toolkit.apt.sources import codename, derive
from acceptlab.toolkit.collect import permission
from acceptlab.toolkit.doctor.check import Check
from acceptlab.toolkit.doctor.hardware_checks import hardware_checks
from acceptlab.toolkit.kernels import store
from acceptlab.toolkit.places import CHECKOUT, cache
from acceptlab.toolkit.qemu import emulator_build

GIB = 1 << 30
_DISK_WANTED = 3 * GIB
"""Bytes: QEMU's tree and objects take 0.9 GiB, the Python environment 0.7 GiB, and a trace of 17 million events 1.2 GiB."""
_MEMORY_WANTED = 3 * GIB
"""Bytes: two guests at a time, whose untouched memory costs nothing, and the replay of their traces."""


_NEEDED_FOR = {
    "collect": "collect",
    "run": "setup",
    "series": "series build",
    "long": "make test-long",
}


def all_checks() -> list[Check]:
    """Run every check."""
    groups: tuple[Callable[[], Iterator[Check]], ...] = (
        _machine,
        _packages,
        _apt,
        _built,
        _collecting,
        hardware_checks,
    )
    return [check for group in groups for check in group()]


def _machine() -> Iterator[Check]:
    release = codename() or "unknown"
    yield Check(
        "Debian 12", release == "bookworm", release, "setup",
        "" if release == "bookworm" else "the emulator's source comes from Debian 12: give it with setup --qemu-source FILE",
    )  # fmt: skip
    machine = platform.machine()
    yield Check(
        "x86-64",
        machine == "x86_64",
        machine,
        "run",
        "" if machine == "x86_64" else "use an x86-64 machine",
    )
    yield _room(
        "disk for the cache",
        _free_disk(),
        _DISK_WANTED,
        f"free some space in {cache()} or set XDG_CACHE_HOME",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield _room(
        "memory", memory, _MEMORY_WANTED, "reduce guest memory, and run one guest at a time"
    )


def _room(name: str, has: int, wanted: int, remedy: str) -> Check:
    return Check(
        name, has >= wanted, f"{has / GIB:.1f} GiB", "run", "" if has >= wanted else remedy
    )


def _free_disk() -> int:
    folder = cache()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def wanted_packages(listing: Path = CHECKOUT / "setup" / "packages.txt") -> list[tuple[str, str]]:
    """Return (Debian package, what for) of setup/packages.txt."""
    lines = (line.split() for line in listing.read_text().splitlines() if not line.startswith("#"))
    return [(words[0], words[1]) for words in lines if words]


def _packages() -> Iterator[Check]:
    for package, purpose in wanted_packages():
        version = _installed_version(package)
        remedy = "" if version else f"apt-get install --no-install-recommends {package}"
        needed_for = _NEEDED_FOR.get(purpose, f"make {purpose}")
        yield Check(package, bool(version), version or "not installed", needed_for, remedy)


def _installed_version(package: str) -> str:
    """Return the version of an installed package, or of one that provides it, else ""."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}|${Package}|${Version}|${Provides}\n"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""
    for line in listed.splitlines():
        status, name, version, provides = line.split("|", 3)
        provided = {item.split()[0] for item in provides.split(",") if item.split()}
        if status == "installed" and package in {name, *provided}:
            return version
    return ""


def _apt() -> Iterator[Check]:
    usable = bool(derive(Path("/etc/apt"), codename()))
    yield Check(
        "apt sources", usable, "Debian's own" if usable else "no Debian archive", "setup",
        "" if usable else "add Debian's archive to /etc/apt/sources.list",
    )  # fmt: skip


def _built() -> Iterator[Check]:
    emulator = emulator_build.find()
    yield Check(
        "emulator", emulator is not None, emulator.key if emulator else "not built", "run",
        "" if emulator else "acceptlab setup",
    )  # fmt: skip
    names = ", ".join(kernel.name for kernel in store.list_all())
    yield Check(
        "kernels", bool(names), names or "not fetched", "run", "" if names else "acceptlab setup"
    )


def _collecting() -> Iterator[Check]:
    for name, needed_for, problems in (
        ("eBPF on an emulator", "collect --emulator", permission.against_uprobes()),
        ("eBPF on this kernel", "collect --guest", permission.against_kprobes()),
    ):
        found, _, remedy = problems[0].partition(": ") if problems else ("permitted", "", "")
        yield Check(name, not problems, found, needed_for, remedy)
