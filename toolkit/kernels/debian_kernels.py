# SPDX-License-Identifier: GPL-2.0-only
"""Debian's stock kernels: fetched as packages through apt, unpacked without root, never changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.toolkit.apt.client import NO_SUITE, Archive
from acceptlab.toolkit.apt.debian_versions import newest_first
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.kernels import debian_packages, kernel_names, store
from acceptlab.toolkit.kernels.kernel_names import Candidate, Name
from acceptlab.toolkit.kernels.suites import SUITES
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import Step, say, step
from acceptlab.toolkit.whole_files import locked, sha256_of
from acceptlab.toolkit.whole_folders import made_beside


@dataclass(frozen=True)
class Stock:
    """A name with a pattern of its package's name in the machine's own suites, whose newest version it is, and one line about it."""

    pattern: str
    about: str


STOCK = {
    "debian:6.12": Stock(
        r"linux-image-6\.12\.\d+\+deb12-cloud-amd64-unsigned",
        "accepts memory lazily (unaccepted memory since 6.5)",
    ),
    "debian:6.1": Stock(
        r"linux-image-6\.1\.0-\d+-cloud-amd64-unsigned",
        "SNP and TDX guest support, without unaccepted memory",
    ),
}
"""Of these the machine's own suites have the package; where they have not, the names are as any other version."""

_RELEASE_FILE = re.compile(r"/dists/([\w-]+)(?:/updates)?(?:/InRelease|/Release| Release)")
"""Where apt's message on a Release file names the suite."""


@dataclass(frozen=True)
class Available:
    """A kernel that the archive has: what to call it, its newest package version, and the flavours that there are."""

    name: str
    version: str
    flavours: tuple[str, ...]


def ensure(name: str, again: bool = False) -> store.CachedKernel:
    """Return a stock kernel from the cache, fetched first if need be, or `again`: a name may stand for a newer one by now.

    Raises BadInputError for what is no name of a kernel, or one that the archive does not have; MachineError when apt cannot
    get it.
    """
    wanted = kernel_names.parse(name)
    found = None if again else store.find(name)
    if found:
        return found
    lock = store.home() / f".{store.folder_of(name).name}.lock"
    with locked(lock, lambda: say(f"another acceptlab is fetching {name}; waiting for it")):
        found = None if again else store.find(name)
        if found:
            return found
        with step(f"fetching kernel {name}") as progress:
            return _fetch(name, wanted, progress)


def ensure_default() -> str:
    """Return the name of the default kernel, fetched: the newest, or the long-term one where the newest cannot be had.

    Whatever is in the cache needs no network. Raises as `ensure` does, when neither can be had.
    """
    try:
        ensure(kernel_names.NEWEST)
    except (BadInputError, MachineError) as error:
        ensure(kernel_names.LTS)
        say(f"{kernel_names.NEWEST} cannot be had ({error}); taking {kernel_names.LTS}")
        return kernel_names.LTS
    return kernel_names.NEWEST


def demonstrated() -> list[str]:
    """Return the names of the default kernel and of the long-term one, each once."""
    return list(dict.fromkeys((ensure_default(), kernel_names.LTS)))


def available(progress: Step) -> list[Available]:
    """Return every kernel that the archive has now, newest first, and what its suites' names stand for."""
    archive = with_lists(SUITES, progress)
    found: dict[str, tuple[str, list[str]]] = {}
    for one in kernel_names.candidates(archive.packages(kernel_names.PACKAGES)):
        upstream = one.upstream.replace("~", "-")
        _, flavours = found.setdefault(upstream, (one.package.version, []))
        if one.flavour not in flavours:
            flavours.append(one.flavour)
    listed = [
        Available(f"{kernel_names.PREFIX}{upstream}", version, _ordered(flavours))
        for upstream, (version, flavours) in found.items()
    ]
    return listed + _suites(archive)


def _suites(archive: Archive) -> list[Available]:
    """Return what the names of suites stand for, with the updates of a release counted to it."""
    newest: dict[str, dict[str, list[str]]] = {}
    for flavour in kernel_names.FLAVOURS:
        for version, suite in archive.suites_of(kernel_names.meta_package(flavour)):
            release = re.sub(r"-(updates|security)$", "", suite)
            newest.setdefault(release, {}).setdefault(version, []).append(flavour)
    listed = []
    for suite, versions in newest.items():
        version = newest_first(set(versions))[0]
        listed.append(
            Available(f"{kernel_names.PREFIX}{suite}", version, _ordered(versions[version]))
        )
    return listed


def _ordered(flavours: Sequence[str]) -> tuple[str, ...]:
    return tuple(flavour for flavour in kernel_names.FLAVOURS if flavour in flavours)


def _archive(suites: Sequence[str]) -> Archive:
    """Return the archive with suites of one release; its lists lie apart from those of the machine's own suites."""
    return Archive(cache() / f"apt-{suites[0]}", suites=suites)


def with_lists(suites: Sequence[str], progress: Step) -> Archive:
    """Return the archive with the lists of all these suites that can be had; one that apt refuses is named and left out.

    A mirror may serve a suite whose Release file is expired. Raises MachineError where apt fails otherwise.
    """
    left = list(suites)
    while True:
        archive = Archive(cache() / "apt-kernels", suites=left)
        try:
            archive.update(progress)
            return archive
        except MachineError as error:
            refused = _RELEASE_FILE.search(str(error))
            if refused is None or refused[1] not in left or len(left) == 1:
                raise
            left.remove(refused[1])
            say(f"the suite {refused[1]} is left out: {error}")


def _fetch(name: str, wanted: Name, progress: Step) -> store.CachedKernel:
    """Fetch what the name stands for: among the machine's own suites, if it is one of `STOCK` and they have it, else among all."""
    with made_beside(store.folder_of(name)) as beside:
        own = _of_own_suites(name, progress) if name in STOCK else None
        archive, package, version, config = own or _of_any_suite(name, wanted, progress)
        deb = archive.download_binary(package, version, beside / "deb", progress)
        debs = [deb]
        if config:
            debs.append(archive.download_binary(config, version, beside / "deb", progress))
        progress.update(note="unpacking")
        about = {"package": package, "version": version, "deb_sha256": sha256_of(deb)}
        debian_packages.fill(beside, name, debs, about)
        shutil.rmtree(beside / "deb")
    found = store.find(name)
    assert found is not None
    return found


_Found = tuple[Archive, str, str, str]
"""Archive, package, version, and the package with the configuration or ""."""


def _of_own_suites(name: str, progress: Step) -> _Found | None:
    archive = Archive(cache() / "apt")
    archive.update(progress)
    there = archive.binary_packages(STOCK[name].pattern)
    return (archive, *there[0], "") if there else None


def _of_any_suite(name: str, wanted: Name, progress: Step) -> _Found:
    archive = _updated(name, wanted, progress)
    among = kernel_names.candidates(archive.packages(kernel_names.PACKAGES))
    chosen = (
        _of_suite(name, wanted, archive, among)
        if wanted.suite
        else _of_version(name, wanted, among)
    )
    config = chosen.config_package
    has = config != chosen.package.name and (
        config,
        chosen.package.version,
    ) in archive.binary_packages(re.escape(config))
    return archive, chosen.package.name, chosen.package.version, config if has else ""


def _updated(name: str, wanted: Name, progress: Step) -> Archive:
    """Return the archive with the lists of what may have the kernel; a suite may have no updates beside it."""
    if not wanted.suite:
        return with_lists(wanted.suites, progress)
    try:
        archive = _archive(wanted.suites)
        archive.update(progress)
    except MachineError as error:
        if NO_SUITE not in str(error):
            raise
        try:
            archive = _archive((wanted.suite,))
            archive.update(progress)
        except MachineError as alone:
            if NO_SUITE not in str(alone):
                raise
            raise BadInputError(
                f"{name}: the configured mirror has no suite {wanted.suite}"
            ) from None
    return archive


def _of_version(name: str, wanted: Name, among: Sequence[Candidate]) -> Candidate:
    chosen, remark = kernel_names.choose(wanted, among)
    if chosen is None:
        there = list(dict.fromkeys(one.series for one in among if one.flavour == wanted.flavour))
        has = (
            f"available {wanted.flavour} kernels: {', '.join(there)}" if there else "none available"
        )
        raise BadInputError(f"{name}: Debian's archive does not have this kernel ({has})")
    if remark:
        say(f"{name}: {remark}")
    return chosen


def _of_suite(name: str, wanted: Name, archive: Archive, among: Sequence[Candidate]) -> Candidate:
    """Return the kernel that the suite's own meta package installs, in its newest version."""
    for meta in archive.packages(re.escape(kernel_names.meta_package(wanted.flavour))):
        image = kernel_names.installed_by(meta, wanted.flavour)
        for one in among:
            release = kernel_names.release_of(one)
            if image == release and one.package.version == meta.version:
                return one
    raise MachineError(f"{name}: the suite {wanted.suite} has no {wanted.flavour} kernel")
