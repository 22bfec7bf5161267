# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's source: Debian's package, through apt or from a tarball that the user names, held to pinned checksums."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.apt.client import Archive
from acceptlab.toolkit.apt.sources import codename
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import Step
from acceptlab.toolkit.qemu.bases import Base
from acceptlab.toolkit.whole_files import sha256_of


@dataclass(frozen=True)
class Source:
    """Both halves of Debian's source package. `verified` says who vouches for Debian's half: `pinned` or `apt`."""

    version: str
    orig: Path
    debian: Path
    orig_sha256: str
    debian_sha256: str
    verified: str


def orig_name(version: str) -> str:
    """Return the name of QEMU's half for a source version: that of upstream (deb-version(7)), without the epoch."""
    return f"qemu_{_upstream(version)}.orig.tar.xz"


def debian_name(version: str) -> str:
    """Return the name of Debian's half for a source version (the epoch is no part of file names, deb-version(7))."""
    return f"qemu_{version.partition(':')[2]}.debian.tar.xz"


def _upstream(version: str) -> str:
    return version.partition(":")[2].rpartition("-")[0]


def check(base: Base, version: str, orig: Path, debian: Path, vouched_by_apt: bool) -> Source:
    """Hold both tarballs to the pins. Raises BadInputError naming the file that is not what it should be."""
    orig_sha256, debian_sha256 = sha256_of(orig), sha256_of(debian)
    origs = {pins.orig for one, pins in base.pins.items() if _upstream(one) == _upstream(version)}
    if origs and orig_sha256 not in origs:
        raise BadInputError(
            f"{orig} is not QEMU {base.version} as Debian ships it (its SHA-256 begins {orig_sha256[:12]}, "
            f"expected {origs.pop()[:12]}): remove it and fetch it again"
        )
    pins = base.pins.get(version)
    if pins and debian_sha256 != pins.debian:
        raise BadInputError(
            f"{debian} is not Debian's part of version {version} (its SHA-256 begins {debian_sha256[:12]}, "
            f"expected {pins.debian[:12]}): remove it and fetch it again"
        )
    if not pins and not vouched_by_apt:
        raise BadInputError(
            f"{debian} is of version {version}, for which no checksum is known here: "
            f"name one of {', '.join(base.pins)}, or let apt fetch the newest"
        )
    return Source(version, orig, debian, orig_sha256, debian_sha256, "pinned" if pins else "apt")


def archive_of(base: Base) -> Archive:
    """Return the archive that has the base's source: the machine's own suites, or its mirrors' suites of another release."""
    if codename() == base.release:
        return Archive(cache() / "apt")
    suites = [base.release + pocket for pocket in ("", "-updates", "-security")]
    return Archive(cache() / f"apt-{base.release}-source", suites=suites, types=("deb-src",))


def fetch(base: Base, archive: Archive, folder: Path, step: Step) -> Source:
    """Fetch the newest revision that the archive has into `folder` (kept for the next time)."""
    archive.update(step)
    found = [v for v in archive.source_versions(base.package) if v.startswith(base.revisions)]
    if not found:
        raise MachineError(
            f"the mirrors of this machine have no source package of QEMU {base.version} ({base.release}); "
            f"name the tarball: acceptlab setup --qemu-source {orig_name(next(iter(base.pins)))}"
        )
    version = found[0]
    archive.download_source(base.package, version, folder, step)
    return check(base, version, folder / orig_name(version), folder / debian_name(version), True)


def from_tarball(base: Base, orig: Path) -> Source:
    """Use a tarball that the user names; Debian's part (`qemu_*.debian.tar.xz`) has to lie beside it."""
    if not orig.is_file():
        names = " or ".join(orig_name(version) for version in base.pins)
        raise BadInputError(f"{orig}: no such file; --qemu-source takes {names}")
    for version in base.pins:
        beside = orig.with_name(debian_name(version))
        if beside.is_file():
            return check(base, version, orig, beside, vouched_by_apt=False)
    names = " or ".join(debian_name(version) for version in base.pins)
    raise BadInputError(f"Debian's part of the source is missing: put {names} beside {orig}")


def unpack(source: Source, tree: Path, step: Step) -> None:
    """Unpack the source and apply Debian's patches; `tree` appears when all of it is done."""
    beside = tree.with_name(f"{tree.name}.unpacking")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    step.update(note="unpacking QEMU")
    _untar(source.orig, beside, "--strip-components=1")
    _untar(source.debian, beside)
    for name in _series(beside / "debian" / "patches" / "series"):
        step.update(note=f"Debian's {name}")
        apply_patch(beside / "debian" / "patches" / name, beside)
    beside.replace(tree)


def _untar(tarball: Path, folder: Path, *options: str) -> None:
    done = subprocess.run(
        ["tar", "-xJf", tarball, "-C", folder, "--no-same-owner", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MachineError(f"{tarball.name} could not be unpacked: {done.stderr.strip()}")


def _series(path: Path) -> list[str]:
    """Return the names in a quilt series file (comments begin with #; options may follow a name)."""
    lines = (line.partition("#")[0].split() for line in path.read_text().splitlines())
    return [words[0] for words in lines if words]


def apply_patch(patch: Path, tree: Path) -> None:
    """Apply one patch to a tree. Raises BadInputError with what `patch` said when it does not apply in full."""
    done = subprocess.run(
        [
            "patch",
            "-p1",
            "--forward",
            "--silent",
            "--fuzz=0",  # as dpkg-source has it: a hunk that only nearly fits is in the wrong place
            "--no-backup-if-mismatch",
            "--reject-file=-",
            "-i",
            patch.resolve(),
        ],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split())
        raise BadInputError(f"{patch.name} does not apply to QEMU: {said[:300]}")
