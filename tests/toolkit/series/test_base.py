# SPDX-License-Identifier: GPL-2.0-only
"""Bases: Debian's package, a tarball, a repository; each a commit that depends on its content alone, or one clear line."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.progress import Step
from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.git import git
from acceptlab.toolkit.series.series_spec import DebianBase, GitBase, TarballBase
from acceptlab.toolkit.whole_files import sha256_of
from tests.toolkit.series.conftest import HERE, Tree


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    path = tmp_path / "linux-source-6.1.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        archive.add(HERE / "toytree", "linux-source-6.1")
        for name, kind, target in (
            ("link", tarfile.SYMTYPE, "Kconfig"), ("hard", tarfile.LNKTYPE, "linux-source-6.1/Kconfig"),
        ):  # fmt: skip
            entry = tarfile.TarInfo(f"linux-source-6.1/{name}")
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
        script = tarfile.TarInfo("linux-source-6.1/run.sh")
        script.size, script.mode = 3, 0o755
        archive.addfile(script, io.BytesIO(b"hi\n"))
    return path


class Packages:
    """Stands in for Debian's archive: linux-source-6.1 in version 6.1.9-1, made of the tarball."""

    tarball: Path
    downloads = 0

    def __init__(self, root: Path) -> None:
        pass

    def update(self, step: Step) -> None:
        pass

    def binary_packages(self, pattern: str) -> list[tuple[str, str]]:
        return [("linux-source-6.1", "6.1.9-1")] if pattern == r"linux\-source\-6\.1" else []

    def download_binary(self, package: str, version: str, folder: Path, step: Step) -> Path:
        Packages.downloads += 1
        root = folder / "root"
        (root / "usr/src").mkdir(parents=True)
        (root / "usr/src" / self.tarball.name).write_bytes(self.tarball.read_bytes())
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN/control").write_text(
            f"Package: {package}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody\nDescription: x\n"
        )
        deb = folder / f"{package}_{version}_all.deb"
        subprocess.run(["dpkg-deb", "--build", root, deb], check=True, capture_output=True)
        return deb


class Newer(Packages):
    """All suites: they have linux-source-7.3, which the machine's own suites lack."""

    def binary_packages(self, pattern: str) -> list[tuple[str, str]]:
        newer = [("linux-source-7.3", "7.3.4-1")] if pattern == r"linux\-source\-7\.3" else []
        return newer + super().binary_packages(pattern)


@pytest.fixture
def packages(tarball: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> type[Packages]:
    monkeypatch.setattr(Packages, "tarball", tarball, raising=False)
    monkeypatch.setattr(Packages, "downloads", 0)
    monkeypatch.setattr(base, "Archive", Packages)
    monkeypatch.setattr(base, "with_lists", lambda suites, step: Newer(own_cache))
    return Packages


def files(tree: base.BaseTree) -> dict[str, str]:
    """Return the mode of every file."""
    lines = git(tree.repository, "ls-tree", "-r", tree.commit).splitlines()
    return {line.split("\t")[1]: line.split()[0] for line in lines}


def test_debian_s_package_becomes_a_commit_once(packages: type[Packages]) -> None:
    tree = base.ensure(DebianBase("linux-source-6.1", "6.1.9-1"))
    assert tree.about == "linux-source-6.1 6.1.9-1"
    found = files(tree)
    assert {"Kconfig", "mm/page_alloc.c", "link", "hard", "run.sh"} <= set(found)
    assert (found["link"], found["run.sh"], found["Kconfig"]) == ("120000", "100755", "100644")
    assert git(tree.repository, "show", f"{tree.commit}:hard") == git(
        tree.repository, "show", f"{tree.commit}:Kconfig"
    )
    assert {path.name for path in tree.home.iterdir()} == {"git", "base.json"}
    assert base.ensure(DebianBase("linux-source-6.1", "6.1.9-1")) == tree
    assert packages.downloads == 1


def test_what_a_killed_fetch_left_is_removed_the_next_time(packages: type[Packages]) -> None:
    """Even where the base is there already, and whatever base was being fetched."""
    wanted = DebianBase("linux-source-6.1", "6.1.9-1")
    for name in (wanted.package, "another"):
        left = base.home() / f".{name}.4711.making" / "git"
        left.mkdir(parents=True)
        base.ensure(wanted)
        assert not left.parent.exists()
    assert packages.downloads == 1


@pytest.mark.processes
def test_a_killed_import_leaves_nothing_once_another_has_run(
    tarball: Path, own_cache: Path
) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from acceptlab.toolkit.series import base; from acceptlab.toolkit.series.series_spec import TarballBase\n"
        "def stop(*_):\n    print('importing', flush=True); time.sleep(600)\n"
        "base.import_tarball = stop\n"
        "base.ensure(TarballBase(Path(sys.argv[1]), ''))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tarball)], stdout=subprocess.PIPE, text=True, cwd=HERE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "importing\n"
        process.kill()
    trees = own_cache / "acceptlab" / "trees"
    assert len(list(trees.glob(".*.making"))) == 1
    tree = base.ensure(TarballBase(tarball, ""))
    assert "Kconfig" in files(tree)
    assert list(trees.glob(".*.making")) == []


def test_a_package_that_only_another_suite_has_is_fetched_from_there(
    packages: type[Packages],
) -> None:
    tree = base.ensure(DebianBase("linux-source-7.3", "7.3.4-1"))
    assert tree.about == "linux-source-7.3 7.3.4-1"
    assert "Kconfig" in files(tree)


@pytest.mark.parametrize(
    ("package", "version", "code", "says"),
    [
        ("linux-source-6.1", "6.1.7-1", 3, "6.1.7-1 but has 6.1.9-1: to try the series on that version, give --base-version 6.1.9-1"),
        ("linux-source-9.9", "9.9-1", 2, "no package linux-source-9.9"),
    ],
)  # fmt: skip
def test_what_the_archive_does_not_have_is_told(
    packages: type[Packages], own_cache: Path, package: str, version: str, code: int, says: str
) -> None:
    with pytest.raises(AcceptlabError, match=says) as raised:
        base.ensure(DebianBase(package, version))
    assert raised.value.exit_code == code
    assert not list((own_cache / "acceptlab" / "trees").glob("[!.]*"))


def test_a_tarball_is_held_to_its_checksum(tarball: Path, own_cache: Path) -> None:
    tree = base.ensure(TarballBase(tarball, sha256_of(tarball)))
    assert "Kconfig" in files(tree)
    with pytest.raises(AcceptlabError, match="is not the series' tarball"):
        base.ensure(TarballBase(tarball, "0" * 64))


def test_the_same_content_is_the_same_commit(
    tarball: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = base.ensure(TarballBase(tarball, ""))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    assert base.ensure(TarballBase(tarball, "")).commit == first.commit


def spoiled(tarball: Path, kind: str) -> Path:
    path = tarball.with_name(f"{kind}.tar")
    if kind == "cut":
        path.write_bytes(tarball.read_bytes()[:-500])
    elif kind == "text":
        path.write_text("no tarball\n" * 999)
    else:
        with tarfile.open(path, "w") as archive:
            for name in {"empty": (), "two": ("a/x", "b/x"), "flat": ("x",), "up": ("a/../../x",)}[
                kind
            ]:
                archive.addfile(tarfile.TarInfo(name))
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("cut", "not a complete tarball"),
        ("text", "not a complete tarball"),
        ("empty", "contains no files"),
        ("two", "one folder with a source tree"),
        ("flat", "one folder with a source tree"),
        ("up", "one folder with a source tree"),
    ],
)
def test_a_bad_tarball_leaves_nothing(tarball: Path, own_cache: Path, kind: str, says: str) -> None:
    with pytest.raises(AcceptlabError, match=says):
        base.ensure(TarballBase(spoiled(tarball, kind), ""))
    assert not list((own_cache / "acceptlab" / "trees").glob("[!.]*"))
    assert not list((own_cache / "acceptlab" / "trees").glob(".*.[0-9]*"))


@pytest.mark.parametrize(
    ("repository", "commit", "says"),
    [("/nowhere", "x", "no folder /nowhere"), ("/etc", "x", "not a git repository"), ("{tree}", "v9", "no commit 'v9'")],
)  # fmt: skip
def test_a_repository_that_will_not_do(
    tree: Tree, own_cache: Path, repository: str, commit: str, says: str
) -> None:
    with pytest.raises(AcceptlabError, match=says):
        base.ensure(GitBase(Path(repository.format(tree=tree.path)), commit))


def test_a_worktree_and_a_shallow_clone_will_do(
    tree: Tree, own_cache: Path, tmp_path: Path
) -> None:
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    tree.git("worktree", "add", "--quiet", str(tmp_path / "side"))
    tree.git("clone", "--quiet", "--depth", "1", f"file://{tree.path}", str(tmp_path / "shallow"))
    for place in ("side", "shallow"):
        found = base.ensure(GitBase(tmp_path / place, "HEAD"))
        assert found.commit == tree.git("rev-parse", "HEAD")
        assert "Kconfig" in files(found)
