# SPDX-License-Identifier: GPL-2.0-only
"""Kernels: what an argument names, and the cache."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from acceptlab.toolkit.apt.client import Package
from acceptlab.toolkit.apt.debian_versions import key
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.kernels import debian_kernels, kernel_names, store
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.kernels.suites import SUITES
from acceptlab.toolkit.progress import Step, step
from acceptlab.toolkit.whole_files import sha256_of
from tests.toolkit.kernels.kernel_files import cached, deb, files_of

PACKAGE, VERSION = "linux-image-6.12.9+deb12-cloud-amd64-unsigned", "6.12.9-1~deb12u1"
RELEASE = "6.12.9+deb12-cloud-amd64"
OWN = ((PACKAGE, VERSION),)
ARCHIVE = {
    "linux-image-6.12.118+deb13-cloud-amd64": "6.12.118-1",
    "linux-image-6.12.118+deb13-cloud-amd64-unsigned": "6.12.118-1",
    "linux-image-6.12.107+deb13-cloud-amd64-unsigned": "6.12.107-1",
    "linux-binary-7.2.13+deb14-cloud-amd64": "7.2.13-1",
    "linux-binary-7.3.4+deb13-cloud-amd64": "7.3.4-1~bpo13+1",
    "linux-base-7.3.4+deb13-cloud-amd64": "7.3.4-1~bpo13+1",
    "linux-binary-7.3.4+deb13-amd64": "7.3.4-1~bpo13+1",
    "linux-binary-unsigned-7.3.4+deb13-amd64": "7.3.4-1~bpo13+1",
    "linux-binary-7.3-cloud-amd64": "7.3~rc7-1~exp1",
}
SMALL = {"linux-image-7.3.4+deb13-cloud-amd64": "7.3.4-1~bpo13+1"}
"""Packages without an image, which only depend on others."""
SUITE = {"sid": "7.2.13-1", "experimental": "7.3~rc7-1~exp1"}
DEPENDS = {"7.2.13-1": "7.2.13+deb14", "7.3~rc7-1~exp1": "7.3"}


class FakeArchive:
    """An archive with a few kernel packages; the machine's own suites have one."""

    there: ClassVar[dict[str, str]] = ARCHIVE
    fetched: ClassVar[list[str]] = []

    def __init__(self, root: Path, suites: Sequence[str] = ()) -> None:
        self.root, self.suites = root, suites

    def update(self, step: Step) -> None:
        step.update(note="lists")
        if self.suites and self.suites[0] == "foo":
            raise MachineError(
                "The repository 'http://m foo Release' does not have a Release file."
            )

    def packages(self, pattern: str) -> list[Package]:
        large = [Package(name, version, 30 << 20) for name, version in self.there.items()]
        large += [Package(name, version, 1900) for name, version in SMALL.items()]
        large += [
            Package("linux-image-cloud-amd64", SUITE[suite], 1500, f"linux-image-{DEPENDS[SUITE[suite]]}-cloud-amd64 (= 1)")
            for suite in self.suites if len(self.suites) < 4 and suite in SUITE
        ]  # fmt: skip
        large = large if self.suites else [Package(*one, 30 << 20) for one in OWN]
        found = [one for one in large if re.fullmatch(pattern, one.name)]
        return sorted(found, key=lambda one: key(one.version), reverse=True)

    def binary_packages(self, pattern: str) -> list[tuple[str, str]]:
        return [(one.name, one.version) for one in self.packages(pattern)]

    def suites_of(self, package: str) -> list[tuple[str, str]]:
        return [(version, suite) for suite, version in SUITE.items()] if "cloud" in package else []

    def download_binary(self, package: str, version: str, folder: Path, step: Step) -> Path:
        step.update(note=version)
        self.fetched.append(package)
        return deb(folder, package, version, files_of(package))


@pytest.fixture
def archive(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(debian_kernels, "Archive", FakeArchive)
    monkeypatch.setattr(FakeArchive, "fetched", [])
    return own_cache


def test_a_stock_kernel_is_fetched_once_and_recorded(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = debian_kernels.ensure("debian:6.12")
    assert kernel.version == RELEASE
    assert kernel.meta["sha256"] == sha256_of(kernel.image)
    assert (kernel.meta["package"], kernel.meta["version"]) == (PACKAGE, VERSION)
    assert sorted(path.name for path in kernel.image.parent.iterdir()) == [
        "bzImage",
        "config",
        "meta.json",
    ]
    monkeypatch.setattr(debian_kernels, "Archive", None)
    assert debian_kernels.ensure("debian:6.12") == kernel
    assert store.list_all() == [kernel]
    assert resolve("debian:6.12").image == kernel.image
    assert resolve("debian:6.12").config == kernel.image.with_name("config")
    assert resolve("debian:6.12").package == f"{PACKAGE} {VERSION}"


@pytest.mark.parametrize(
    ("name", "package", "config"),
    [
        ("debian:7.3", "linux-binary-7.3.4+deb13-cloud-amd64", True),
        ("debian:7.3.4/cloud", "linux-binary-7.3.4+deb13-cloud-amd64", True),
        ("debian:7.3/generic", "linux-binary-7.3.4+deb13-amd64", False),
        ("debian:7.3-rc7", "linux-binary-7.3-cloud-amd64", False),
        ("debian:6.12.107", "linux-image-6.12.107+deb13-cloud-amd64-unsigned", True),
        ("debian:6.12.118", "linux-image-6.12.118+deb13-cloud-amd64-unsigned", True),
        ("debian:newest", "linux-binary-7.3.4+deb13-cloud-amd64", True),
        ("debian:newest/generic", "linux-binary-7.3.4+deb13-amd64", False),
        ("debian:sid", "linux-binary-7.2.13+deb14-cloud-amd64", False),
        ("debian:experimental", "linux-binary-7.3-cloud-amd64", False),
    ],
)
def test_versions_suites_and_flavours(
    archive: Path, name: str, package: str, config: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = resolve(name)
    assert kernel.package == f"{package} {ARCHIVE[package]}"
    assert (kernel.config is not None) == config
    assert kernel.version == re.sub(r"^linux-(image|binary)-|-unsigned$", "", package)
    assert store.find(name) == debian_kernels.ensure(name)
    assert "no longer" not in capsys.readouterr().err


def test_the_default_kernel_is_the_newest_release_and_stays_without_a_network(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert debian_kernels.demonstrated() == ["debian:newest", "debian:6.12"]
    assert resolve("debian:newest").version.startswith("7.3.4"), "no candidate of a later one"
    monkeypatch.setattr(debian_kernels, "Archive", None)
    assert debian_kernels.ensure_default() == "debian:newest"


@pytest.mark.parametrize(
    ("release", "flavour", "name"),
    [
        ("7.3.4+deb13-cloud-amd64", "", "debian:7.3.4"),
        ("7.3.4+deb13-amd64", "generic", "debian:7.3.4/generic"),
        ("6.19-cloud-amd64", "cloud", "debian:6.19/cloud"),
    ],
)
def test_the_newest_kernel_has_a_name_that_stays(release: str, flavour: str, name: str) -> None:
    assert kernel_names.version_name(release, flavour) == name
    assert kernel_names.parse(name).flavour == (flavour or "cloud")


def test_a_suite_that_apt_refuses_is_named_and_left_out(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Sequence[str]] = []

    def update(own: FakeArchive, step: Step) -> None:
        tried.append(list(own.suites))
        if "experimental" in own.suites:
            raise MachineError(
                "apt-get could not fetch the package lists: Release file for "
                "http://m/debian/dists/experimental/InRelease is expired (invalid since 24d)."
            )

    monkeypatch.setattr(FakeArchive, "update", update)
    debian_kernels.ensure("debian:newest")
    assert tried == [list(SUITES), [one for one in SUITES if one != "experimental"]]
    said = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert len(said) == 1 and said[0].startswith("the suite experimental is left out: ")
    with pytest.raises(MachineError, match="is expired"):
        debian_kernels.ensure("debian:experimental")


def test_without_the_suites_of_other_releases_the_long_term_kernel_is_the_default(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def update(own: FakeArchive, step: Step) -> None:
        if own.suites:
            raise MachineError("the mirror does not answer")

    monkeypatch.setattr(FakeArchive, "update", update)
    assert debian_kernels.demonstrated() == ["debian:6.12"]
    said = [line for line in capsys.readouterr().err.splitlines() if "taking debian:6.12" in line]
    assert said == ["debian:newest cannot be had (the mirror does not answer); taking debian:6.12"]
    assert store.find("debian:newest") is None, "asked for again next time"


def test_an_archive_that_has_moved_on_gives_the_newest_that_fits(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve("debian:6.12.107").version == "6.12.107+deb13-cloud-amd64"
    left = {name: version for name, version in ARCHIVE.items() if "6.12.107" not in name}
    monkeypatch.setattr(FakeArchive, "there", left)
    assert resolve("debian:6.12.107").version == "6.12.107+deb13-cloud-amd64"  # in the cache
    shutil.rmtree(store.folder_of("debian:6.12.107"))
    assert resolve("debian:6.12.107").version == "6.12.118+deb13-cloud-amd64"
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "no longer" in line]
    assert said == (
        "debian:6.12.107: the archive no longer has 6.12.107; taking 6.12.118, its newest 6.12"
    )
    assert resolve("debian:6.12.107").package.endswith(" 6.12.118-1")


def test_a_name_can_be_fetched_anew(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert debian_kernels.ensure("debian:7.2").version.startswith("7.2.13")
    newer = {**ARCHIVE, "linux-binary-7.2.14+deb14-cloud-amd64": "7.2.14-1"}
    monkeypatch.setattr(FakeArchive, "there", newer)
    assert debian_kernels.ensure("debian:7.2").version.startswith("7.2.13")
    assert debian_kernels.ensure("debian:7.2", again=True).version.startswith("7.2.14")
    assert debian_kernels.ensure("debian:7.2").version.startswith("7.2.14")


def test_the_names_of_old_go_on_where_the_own_suites_lack_them(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.toolkit.kernels.test_kernels.OWN", ())
    assert debian_kernels.ensure("debian:6.12").version == "6.12.118+deb13-cloud-amd64"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("debian:6.1", "does not have this kernel (available cloud kernels: 7.3, 7.2, 6.12)"),
        ("debian:6.15.3", "does not have this kernel"),
        ("debian:7.2/rt", "none available"),
        ("debian:foo", "the configured mirror has no suite foo"),
        ("debian:7.3/x", "unknown flavour x: choose from cloud, generic, rt"),
        ("debian:", "write debian:newest, debian:VERSION"),
        ("debian:../x", "write debian:newest, debian:VERSION"),
    ],
)
def test_a_kernel_that_cannot_be_had(archive: Path, name: str, says: str) -> None:
    with pytest.raises(BadInputError) as raised:
        resolve(name)
    assert says in str(raised.value) and "\n" not in str(raised.value)
    assert store.list_all() == []


def test_what_can_be_had(archive: Path) -> None:
    with step("t") as progress:
        found = {one.name: one for one in debian_kernels.available(progress)}
    assert found["debian:7.3.4"].flavours == ("cloud", "generic")
    assert found["debian:7.3-rc7"].version == "7.3~rc7-1~exp1"
    assert found["debian:sid"].version == "7.2.13-1"
    assert {kernel_names.parse(name) for name in found}  # all of them are names
    with step("t"):
        assert debian_kernels.ensure("debian:7.3-rc7").version == "7.3-cloud-amd64"


def test_a_fetch_that_fails_leaves_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: FakeArchive, package: str, version: str, folder: Path, step: Step) -> Path:
        folder.mkdir(parents=True)
        (folder / "x.deb").write_bytes(b"no package")
        return folder / "x.deb"

    monkeypatch.setattr(FakeArchive, "download_binary", breaks)
    with pytest.raises(MachineError, match="could not be unpacked"):
        debian_kernels.ensure("debian:6.12")
    assert [path.name for path in store.home().iterdir() if not path.name.endswith(".lock")] == []


def test_a_damaged_record_counts_as_absent(archive: Path) -> None:
    kernel = debian_kernels.ensure("debian:6.12")
    kernel.image.with_name("meta.json").write_text(json.dumps({"release": "x"}))
    assert store.find("debian:6.12") is None
    again = debian_kernels.ensure("debian:6.12")  # all but the moment at which it was fetched
    assert (again.image, again.version) == (kernel.image, kernel.version)


@pytest.mark.parametrize("damage", ["empty", "shorter", "zeros"])
def test_a_damaged_image_is_fetched_again(
    archive: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a crash of the machine: a file of 0 bytes, or with the end missing."""
    kernel = debian_kernels.ensure("debian:6.12")
    content = kernel.image.read_bytes()
    zeros = content[:-64] + bytes(64)
    kernel.image.write_bytes(
        {"empty": b"", "shorter": content[:-64], "zeros": zeros if zeros != content else b"x"}[
            damage
        ]
    )
    again = resolve("debian:6.12")
    assert again.image.read_bytes() == content
    assert ("is damaged and is fetched again" in capsys.readouterr().err) == (damage != "empty")


def test_a_damaged_kernel_that_was_built_is_refused(own_cache: Path) -> None:
    image = cached("mine", sha256="0" * 64)
    with pytest.raises(BadInputError, match=f"in the cache is damaged.*remove {image.parent}"):
        resolve("mine")
