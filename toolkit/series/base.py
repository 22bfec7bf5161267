# SPDX-License-Identifier: GPL-2.0-only
"""The tree that a series stands on, as a commit of a git repository in the cache.

In the cache: `trees/<key>/git/` a bare repository with the base in it, `base.json` what it was made from, `work/` the
checkout in which kernels are built, `objects-<configuration>/` what kbuild made there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acceptlab.analysis.printable import shown
from acceptlab.toolkit import full_disk
from acceptlab.toolkit.apt.client import Archive
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.kernels.debian_kernels import with_lists
from acceptlab.toolkit.kernels.suites import SUITES
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.progress import Step, say, step
from acceptlab.toolkit.series.git import GitError, git, read_line
from acceptlab.toolkit.series.series_spec import Base, DebianBase, GitBase, NoBase, TarballBase
from acceptlab.toolkit.series.tarball import import_tarball
from acceptlab.toolkit.whole_files import locked, sha256_of, write_whole
from acceptlab.toolkit.whole_folders import made_beside, remove_left_behind

_AWKWARD = re.compile(r"[^A-Za-z0-9.+-]+")


@dataclass(frozen=True)
class BaseTree:
    """A base at hand: the folder of its repository, work tree and objects, the commit, and what to call it."""

    home: Path
    commit: str
    about: str

    @property
    def repository(self) -> Path:
        """Return the bare repository."""
        return self.home / "git"


def home() -> Path:
    """Return the base trees' folder in the cache."""
    return cache() / "trees"


def ensure(base: Base) -> BaseTree:
    """Return a base from the cache, fetched, unpacked or looked up first if need be.

    Raises BadInputError when there is no such commit, tarball or version, MachineError when apt cannot get the package.
    """
    if isinstance(base, GitBase):
        return _of_repository(base)
    if isinstance(base, TarballBase):
        return _of_tarball(base)
    if isinstance(base, NoBase):
        raise BadInputError(base.why)
    return _of_debian(base)


def at_hand(base: DebianBase) -> BaseTree | None:
    """Return a base if the cache has it, and fetch nothing."""
    return _read(home() / _folder_name(base), f"{base.package} {base.version}")


def _folder_name(base: DebianBase) -> str:
    return _AWKWARD.sub("_", f"{base.package}-{base.version}")


def _of_debian(base: DebianBase) -> BaseTree:
    about = f"{base.package} {base.version}"

    def fill(folder: Path, progress: Step) -> tuple[Path, dict[str, str]]:
        deb = _download(base, folder, progress)
        progress.update(note="unpacking the package")
        done = subprocess.run(
            ["dpkg", "-x", deb, folder / "tree"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise full_disk.failure(
                done.stderr, folder, f"{deb.name} could not be unpacked: {done.stderr.strip()}"
            )
        tarballs = sorted((folder / "tree" / "usr" / "src").glob("linux-source-*.tar.*"))
        if not tarballs:
            raise BadInputError(
                f"the package {about} contains no kernel source; linux-source-6.1 does"
            )
        return tarballs[0], {
            "package": base.package,
            "version": base.version,
            "deb_sha256": sha256_of(deb),
        }

    return _cached_tree(_folder_name(base), about, fill)


def _download(base: DebianBase, folder: Path, progress: Step) -> Path:
    """Fetch the package: of the machine's own suites, else of all in which kernels are sought."""
    archive = Archive(cache() / "apt")
    archive.update(progress)
    there = _versions(archive, base.package)
    if base.version not in there:
        archive = with_lists(SUITES, progress)
        there = list(dict.fromkeys((*_versions(archive, base.package), *there)))
    if not there:
        raise BadInputError(
            f"the archive has no package {base.package}; Debian 12 has linux-source-6.1"
        )
    if base.version not in there:
        raise MachineError(
            f"the archive does not have {base.package} {base.version} but has {', '.join(there)}: "
            f"to try the series on that version, give --base-version {there[0]}"
        )
    return archive.download_binary(base.package, base.version, folder / "deb", progress)


def _versions(archive: Archive, package: str) -> list[str]:
    return [version for _, version in archive.binary_packages(re.escape(package))]


def _of_tarball(base: TarballBase) -> BaseTree:
    if not base.file.is_file():
        raise BadInputError(f"the series' base is missing: no tarball {base.file}")
    sha256 = sha256_of(base.file)
    if base.sha256 and sha256 != base.sha256:
        raise BadInputError(
            f"{base.file} is not the series' tarball: its SHA-256 begins {sha256[:12]}, "
            f"expected {base.sha256[:12]}"
        )

    def fill(folder: Path, progress: Step) -> tuple[Path, dict[str, str]]:  # noqa: ARG001 (it is at hand)
        return base.file, {"tarball": base.file.name, "sha256": sha256}

    return _cached_tree(f"tarball-{sha256[:16]}", base.file.name, fill)


def _cached_tree(
    key: str, about: str, fill: Callable[[Path, Step], tuple[Path, dict[str, str]]]
) -> BaseTree:
    """Return the tree of this key, made of the tarball that `fill` provides when it is not there; whole or not at all."""
    folder = home() / _AWKWARD.sub("_", key)
    remove_left_behind(home())
    found = _read(folder, about)
    if found:
        return found
    lock = home() / f".{folder.name}.lock"
    with locked(lock, lambda: say(f"another acceptlab is fetching {about}; waiting for it")):
        found = _read(folder, about)
        if found:
            return found
        with made_beside(folder) as beside:
            with step(f"fetching the base {about}") as progress:
                tarball, made_from = fill(beside / "from", progress)
            _init(beside / "git")
            with step(f"importing {tarball.name} into a git repository") as progress:
                commit = import_tarball(tarball, beside / "git", about, progress)
            shutil.rmtree(beside / "from", ignore_errors=True)
            write_whole(
                beside / "base.json", json.dumps(made_from | {"commit": commit}, indent=2) + "\n"
            )
    return BaseTree(folder, commit, about)


def _init(repository: Path) -> None:
    repository.mkdir(parents=True, exist_ok=True)
    git(repository, "init", "--quiet", "--bare")
    git(repository, "config", "gc.auto", "0")  # one pack and a few commits: nothing to tidy up


def _read(folder: Path, about: str) -> BaseTree | None:
    try:
        commit = json.loads((folder / "base.json").read_text())["commit"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return BaseTree(folder, str(commit), about)


def _of_repository(base: GitBase) -> BaseTree:
    """A repository of ours that borrows the user's objects: nothing is copied, and nothing written into the user's.

    A worktree of a base of the cache (`series apply` makes such) belongs to that one's repository, and has its objects.
    """
    if not base.repository.is_dir():
        raise BadInputError(f"the series' base is missing: no folder {base.repository}")
    try:
        words = ("rev-parse", "--path-format=absolute")
        objects = read_line(base.repository, *words, "--git-path", "objects")
        common = Path(read_line(base.repository, *words, "--git-common-dir"))
        commit = read_line(
            base.repository,
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{base.commit}^{{commit}}",
        )
    except GitError as error:
        if "dubious ownership" in error.output:
            raise BadInputError(
                f"{shown(str(base.repository))} belongs to another user, and this git refuses to read it: "
                f"git config --global --add safe.directory {shlex.quote(str(base.repository))}"
            ) from None
        if "not a git repository" in error.output:
            raise BadInputError(f"{base.repository} is not a git repository") from None
        raise BadInputError(f"{base.repository} has no commit {base.commit!r}") from None
    about = f"{shown(str(base.repository))} {commit[:12]}"
    if common.parent.parent == home().resolve():
        return BaseTree(home() / common.parent.name, commit, about)
    folder = home() / f"git-{hashlib.sha256(os.fsencode(common)).hexdigest()[:16]}"
    with locked(home() / f".{folder.name}.lock"):
        repository = folder / "git"
        if not (repository / "HEAD").is_file():
            _init(repository)
        write_whole(repository / "objects" / "info" / "alternates", os.fsencode(f"{objects}\n"))
        if not os.access(objects, os.R_OK | os.X_OK):
            raise BadInputError(
                f"{shown(str(base.repository))}: no permission to read its objects; ask its owner for read permission, or clone it"
            )
        if (common / "shallow").is_file():
            shutil.copy(common / "shallow", repository / "shallow")
    return BaseTree(folder, commit, about)
