# SPDX-License-Identifier: GPL-2.0-only
"""Kernels: what an argument names, and the cache."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.toolkit import toy
from toolkit.errors import BadInputError, MachineError
from toolkit.files import sha256_of
from toolkit.kernels import debian, store
from toolkit.kernels.resolve import resolve
from toolkit.progress import Step

PACKAGE, VERSION = "linux-image-6.12.9+deb12-cloud-amd64-unsigned", "6.12.9-1~deb12u1"


class FakeArchive:
    """An archive with one kernel package, made with dpkg-deb."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def update(self, step: Step) -> None:
        step.update(note="lists")

    def binary_packages(self, pattern: str) -> list[tuple[str, str]]:
        return [(PACKAGE, VERSION)] if "6\\.12" in pattern else []

    def download_binary(self, package: str, version: str, folder: Path, step: Step) -> Path:
        step.update(note=version)
        tree = folder / "package"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(
            f"Package: {package}\nVersion: {version}\nArchitecture: amd64\nMaintainer: t <t@t>\nDescription: t\n"
        )
        (tree / "boot").mkdir()
        (tree / "boot" / "vmlinuz-6.12.9+deb12-cloud-amd64").write_bytes(toy.make_bzimage())
        (tree / "boot" / "config-6.12.9+deb12-cloud-amd64").write_text(
            "CONFIG_UNACCEPTED_MEMORY=y\n"
        )
        deb = folder / f"{package}_1_amd64.deb"
        subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
        shutil.rmtree(tree)
        return deb


@pytest.fixture
def archive(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(debian, "Archive", FakeArchive)
    return own_cache


def test_a_stock_kernel_is_fetched_once_and_recorded(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = debian.ensure("debian:6.12")
    assert kernel.version == "6.12.9+deb12-cloud-amd64"
    assert kernel.meta["sha256"] == sha256_of(kernel.image)
    assert (kernel.meta["package"], kernel.meta["version"]) == (PACKAGE, VERSION)
    assert sorted(path.name for path in kernel.image.parent.iterdir()) == [
        "bzImage",
        "config",
        "meta.json",
    ]
    monkeypatch.setattr(debian, "Archive", None)
    assert debian.ensure("debian:6.12") == kernel
    assert store.list_all() == [kernel]
    assert resolve("debian:6.12").image == kernel.image
    assert resolve("debian:6.12").config == kernel.image.with_name("config")


def test_a_kernel_that_no_source_has(archive: Path) -> None:
    with pytest.raises(MachineError, match=r"no package for debian:6\.1:"):
        debian.ensure("debian:6.1")
    assert store.list_all() == []


def test_a_fetch_that_fails_leaves_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: FakeArchive, package: str, version: str, folder: Path, step: Step) -> Path:
        folder.mkdir(parents=True)
        (folder / "x.deb").write_bytes(b"no package")
        return folder / "x.deb"

    monkeypatch.setattr(FakeArchive, "download_binary", breaks)
    with pytest.raises(MachineError, match="could not be unpacked"):
        debian.ensure("debian:6.12")
    assert [path.name for path in store.home().iterdir() if not path.name.endswith(".lock")] == []


def test_a_damaged_record_counts_as_absent(archive: Path) -> None:
    kernel = debian.ensure("debian:6.12")
    kernel.image.with_name("meta.json").write_text(json.dumps({"release": "x"}))
    assert store.find("debian:6.12") is None
    again = debian.ensure("debian:6.12")  # all but the moment at which it was fetched
    assert (again.image, again.version) == (kernel.image, kernel.version)


def test_a_path_is_resolved_with_version_and_checksum(tmp_path: Path, own_cache: Path) -> None:
    path = toy.make_kernel(tmp_path)
    kernel = resolve(str(path))
    assert (kernel.image, kernel.version) == (path, "6.12.0-made-by-hand")
    assert kernel.sha256 == sha256_of(path)


MADE_OF = {
    "base": "linux-source-6.1 6.1.176-1",
    "patches": 3,
    "subject": "mm: Mend",
    "commit": "c4",
}


def cached(name: str, **meta: object) -> Path:
    """A kernel of the cache, with what its record says."""
    folder = store.folder_of(name)
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"name": name, **meta}))
    return toy.make_kernel(folder)


def test_a_kernel_tells_of_which_series_it_is(own_cache: Path) -> None:
    image = cached("lazy@3", series="lazy", tree="t", **MADE_OF)
    assert resolve("lazy@3").series == {"name": "lazy", **MADE_OF}
    assert resolve(str(image)).series == {"name": "lazy", **MADE_OF}


def test_a_kernel_of_no_series_tells_none(own_cache: Path, tmp_path: Path) -> None:
    cached("mine", commit="c4-dirty")
    assert resolve("mine").series is None
    (tmp_path / "meta.json").write_text(json.dumps({"name": "other", "series": "lazy"}))
    assert resolve(str(toy.make_kernel(tmp_path))).series is None  # no kernel of the cache


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("debian:5.10", "no kernel 'debian:5.10'"),
        ("/nowhere/bzImage", "no kernel '/nowhere/bzImage'"),
        ("/", "is no file"),
        ("/etc/passwd", "kernel"),
        ("", "kernel"),
    ],
)
def test_what_is_no_kernel_is_refused_in_one_line(
    own_cache: Path, argument: str, says: str
) -> None:
    with pytest.raises(BadInputError) as raised:
        resolve(argument)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_stock_kernel_is_refused_by_fetch() -> None:
    with pytest.raises(BadInputError, match=r"choose from debian:6\.12, debian:6\.1"):
        debian.ensure("debian:4.19")
