# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's source: Debian's package, through apt or from a tarball that the user names, held to a pinned checksum."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.apt.client import Archive
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.progress import Step
from acceptlab.toolkit.whole_files import sha256_of

_PINS = Path(__file__).with_name("qemu_source.json")


@dataclass(frozen=True)
class Source:
    """Both halves of Debian's source package. `verified` says who vouches for Debian's half: `pinned` or `apt`."""

    version: str
    orig: Path
    debian: Path
    orig_sha256: str
    debian_sha256: str
    verified: str


def pins() -> dict[str, Any]:
    """Return the pinned names and checksums (qemu_source.json)."""
    return dict(json.loads(_PINS.read_text()))


def debian_tarball_name(version: str) -> str:
    """Return the name of Debian's half for a source version (the epoch is no part of file names, deb-version(7))."""
    return f"qemu_{version.partition(':')[2]}.debian.tar.xz"


def check(version: str, orig: Path, debian: Path, vouched_by_apt: bool) -> Source:
    """Hold both tarballs to the pins. Raises BadInputError naming the file that is not what it should be."""
    pinned = pins()
    orig_sha256, debian_sha256 = sha256_of(orig), sha256_of(debian)
    if orig_sha256 != pinned["orig"]["sha256"]:
        raise BadInputError(
            f"{orig} is not QEMU 7.2 as Debian ships it (its SHA-256 begins {orig_sha256[:12]}, "
            f"expected {pinned['orig']['sha256'][:12]}): remove it and fetch it again"
        )
    known = pinned["debian"].get(version)
    if known and debian_sha256 != known["sha256"]:
        raise BadInputError(
            f"{debian} is not Debian's part of version {version} (its SHA-256 begins {debian_sha256[:12]}, "
            f"expected {known['sha256'][:12]}): remove it and fetch it again"
        )
    if not known and not vouched_by_apt:
        raise BadInputError(
            f"{debian} is of version {version}, for which no checksum is known here: "
            f"name one of {', '.join(pinned['debian'])}, or let apt fetch the newest"
        )
    return Source(version, orig, debian, orig_sha256, debian_sha256, "pinned" if known else "apt")


def fetch(archive: Archive, folder: Path, step: Step) -> Source:
    """Fetch the newest revision that the machine's own apt sources have into `folder` (kept for the next time)."""
    pinned = pins()
    archive.update(step)
    versions = [
        v for v in archive.source_versions(pinned["package"]) if v.startswith(pinned["versions"])
    ]
    if not versions:
        raise MachineError(
            "the apt sources of this machine have no source package of QEMU 7.2: use Debian 12, "
            f"or name the tarball: acceptlab setup --qemu-source {pinned['orig']['name']}"
        )
    archive.download_source(pinned["package"], versions[0], folder, step)
    debian = folder / debian_tarball_name(versions[0])
    return check(versions[0], folder / pinned["orig"]["name"], debian, vouched_by_apt=True)


def from_tarball(orig: Path) -> Source:
    """Use a tarball that the user names; Debian's part (`qemu_*.debian.tar.xz`) has to lie beside it."""
    if not orig.is_file():
        raise BadInputError(f"{orig}: no such file; --qemu-source takes {pins()['orig']['name']}")
    for version, known in pins()["debian"].items():
        beside = orig.with_name(known["name"])
        if beside.is_file():
            return check(version, orig, beside, vouched_by_apt=False)
    names = " or ".join(known["name"] for known in pins()["debian"].values())
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
