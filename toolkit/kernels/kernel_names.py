# SPDX-License-Identifier: GPL-2.0-only
"""Names of Debian's kernels: `debian:VERSION[/FLAVOUR]` and `debian:SUITE[/FLAVOUR]`, and the packages that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acceptlab.analysis.kernel import kernel_facts
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.toolkit.apt.client import Package
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.suites import SUITES

PREFIX = "debian:"
NEWEST = f"{PREFIX}newest"
"""The newest released kernel of all suites: no release candidate."""
LTS = f"{PREFIX}6.12"
"""The long-term kernel that demonstrations put beside it."""
FLAVOURS = ("cloud", "generic", "rt")
"""The first one is meant by a name without a flavour."""
_POCKETS = ("", "-updates", "-security")
_ALONE = ("sid", "unstable", "experimental", "rc-buggy")
_NAME = re.compile(r"debian:(?P<wanted>[a-z0-9][a-z0-9.~+-]*)(?:/(?P<flavour>[a-z0-9]+))?")
_VERSION = re.compile(r"(?P<series>\d+(?:\.\d+)?)(?:[.~+-].*)?")
_LAYOUTS = in_force(kernel_facts.PACKAGES)
_IMAGE = "|".join(re.escape(one.image) for one in _LAYOUTS)
_PACKAGE = re.compile(
    rf"(?:{_IMAGE})(?P<before>unsigned-)?(?P<abi>\d[^-]*(?:-\d+)?)-"
    r"(?:(?P<flavour>cloud|rt)-)?amd64(?P<behind>-unsigned)?"
)
PACKAGES = _PACKAGE.pattern
"""Packages that may hold an image, in the layout of any version."""
_LEAST = 1 << 20
"""Bytes of a package with an image: one without has a few KiB."""


@dataclass(frozen=True)
class Name:
    """What a user asked for: a version ("6.12", "7.3.4") or a suite ("sid"), and a flavour."""

    version: str
    suite: str
    flavour: str
    is_newest: bool = False

    @property
    def series(self) -> str:
        """Return the first two numbers of the version."""
        found = _VERSION.fullmatch(self.version)
        return found["series"] if found else ""

    @property
    def is_point_release(self) -> bool:
        """Return whether the version says more than its series."""
        return self.version != self.series

    @property
    def suites(self) -> tuple[str, ...]:
        """Return where to look for it, with the updates of a release."""
        if not self.suite:
            return SUITES
        if self.suite in _ALONE or "-" in self.suite:
            return (self.suite,)
        return tuple(self.suite + pocket for pocket in _POCKETS)


@dataclass(frozen=True)
class Candidate:
    """A package with a kernel image. `upstream` is the kernel's version, as in 7.3.4 or 7.3~rc7."""

    package: Package
    upstream: str
    flavour: str

    @property
    def series(self) -> str:
        """Return the first two numbers of the version."""
        return ".".join(re.split(r"[.~]", self.upstream)[:2])

    @property
    def is_candidate(self) -> bool:
        """Return whether it is a release candidate, as 7.3~rc7 is."""
        return "~rc" in self.upstream

    @property
    def config_package(self) -> str:
        """Return the package with the configuration, where that is another one (linux-base-V)."""
        name = self.package.name
        for one in _LAYOUTS:
            if one.config != one.image and name.startswith(one.image):
                return one.config + name.removeprefix(one.image).removeprefix("unsigned-")
        return name


def is_name(argument: str) -> bool:
    """Return whether an argument names a kernel of Debian."""
    return argument.startswith(PREFIX)


def parse(argument: str) -> Name:
    """Read `debian:WANTED[/FLAVOUR]`. Raises BadInputError for what is no such name."""
    found = _NAME.fullmatch(argument)
    if not found:
        raise BadInputError(
            f"{argument!r} names no kernel: write debian:newest, debian:VERSION (debian:7.3, debian:6.12.107) or debian:SUITE "
            f"(debian:sid), optionally with a flavour: /{', /'.join(FLAVOURS)}"
        )
    flavour = found["flavour"] or FLAVOURS[0]
    if flavour not in FLAVOURS:
        raise BadInputError(
            f"{argument}: unknown flavour {flavour}: choose from {', '.join(FLAVOURS)}"
        )
    wanted = found["wanted"].replace("-rc", "~rc")
    if wanted == NEWEST.removeprefix(PREFIX):
        return Name("", "", flavour, is_newest=True)
    if _VERSION.fullmatch(wanted):
        return Name(wanted, "", flavour)
    return Name("", found["wanted"], flavour)


def version_name(release: str, flavour: str = "") -> str:
    """Return the name of the version that a kernel calls itself: debian:7.3.4 for 7.3.4+deb13-cloud-amd64."""
    version = re.match(r"\d+(?:\.\d+)*", release)
    return PREFIX + (version[0] if version else release) + (f"/{flavour}" if flavour else "")


def candidates(packages: Iterable[Package]) -> list[Candidate]:
    """Return what holds an image, in the same order; of one version linux-image-V-unsigned comes first, linux-binary-unsigned-V last.

    The signed image is the unsigned one with a signature behind it.
    """
    found = []
    for package in packages:
        match = _PACKAGE.fullmatch(package.name)
        if match and package.size >= _LEAST:
            upstream = package.version.partition(":")[2] or package.version
            upstream = upstream.rsplit("-", 1)[0]
            kernel = Candidate(package, upstream, match["flavour"] or "generic")
            rank = (not match["behind"], bool(match["before"]))
            found.append((package.version, rank, kernel))
    order = list(dict.fromkeys(version for version, _, _ in found))
    found.sort(key=lambda one: (order.index(one[0]), one[1]))
    return [kernel for _, _, kernel in found]


def choose(name: Name, among: Sequence[Candidate]) -> tuple[Candidate | None, str]:
    """Return the newest kernel that fits a name, and a line to say when that is not the one that was asked for.

    `among` is sorted, newest first. A point release that the archive has no more is replaced by the newest of its series.
    """
    kernels = [one for one in among if one.flavour == name.flavour]
    if name.is_newest:
        return next((one for one in kernels if not one.is_candidate), None), ""
    fitting = [one for one in kernels if _fits(name.version, one.upstream)]
    if fitting:
        return fitting[0], ""
    near = [one for one in kernels if one.series == name.series]
    if near and name.is_point_release:
        newest = near[0]
        return newest, (
            f"the archive no longer has {name.version}; taking {newest.upstream}, its newest {name.series}"
        )
    return None, ""


def _fits(wanted: str, upstream: str) -> bool:
    return upstream == wanted or upstream.startswith((f"{wanted}.", f"{wanted}~"))


def installed_by(package: Package, flavour: str) -> str:
    """Return the release of the kernel that a suite's meta package (linux-image-cloud-amd64) depends on; "" if it tells none."""
    infix = "" if flavour == "generic" else f"{flavour}-"
    found = re.search(rf"linux-image-(\d[^\s,]*-{infix}amd64)(?=[\s,]|$)", package.depends)
    return found[1] if found else ""


def meta_package(flavour: str) -> str:
    """Return the package that installs a suite's newest kernel of a flavour."""
    return "linux-image-amd64" if flavour == "generic" else f"linux-image-{flavour}-amd64"


def release_of(kernel: Candidate) -> str:
    """Return what `uname -r` prints of a candidate: the name of its package without what every such name has."""
    name = kernel.package.name.removesuffix("-unsigned")
    return re.sub(rf"^(?:{_IMAGE})(unsigned-)?", "", name)
