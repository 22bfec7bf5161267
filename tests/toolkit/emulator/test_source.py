# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's source is what it should be, or it is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu import bases, qemu_source
from acceptlab.toolkit.qemu.bases import Base, Pins
from acceptlab.toolkit.whole_files import sha256_of

VERSION = "1:7.2+dfsg-7+deb12u18"


def tarball(path: Path, folder: Path) -> Path:
    subprocess.run(["tar", "-cJf", path, "-C", folder.parent, folder.name], check=True)
    return path


@pytest.fixture
def halves(tmp_path: Path) -> tuple[Path, Path]:
    """Return a tiny source package of two tarballs."""
    (tmp_path / "qemu-7.2").mkdir()
    (tmp_path / "qemu-7.2" / "cpu.c").write_text("one\ntwo\nthree\n")
    patches = tmp_path / "debian" / "patches"
    patches.mkdir(parents=True)
    (patches / "series").write_text("first.patch # with a word\n#off.patch\n\n")
    (patches / "first.patch").write_text(
        "--- a/cpu.c\n+++ b/cpu.c\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
    )
    orig = tarball(tmp_path / "qemu_7.2+dfsg.orig.tar.xz", tmp_path / "qemu-7.2")
    debian = tarball(tmp_path / "qemu_7.2+dfsg-7+deb12u18.debian.tar.xz", tmp_path / "debian")
    return orig, debian


@pytest.fixture
def base(halves: tuple[Path, Path]) -> Base:
    """Return a base whose one pinned revision is that package."""
    pins = {VERSION: Pins(*(sha256_of(half) for half in halves))}
    return Base("7.2", "bookworm", "qemu", "1:7.2+dfsg-", "0.61.3", (), pins)


def test_debian_s_patches_are_applied(
    base: Base, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    with step("unpacking") as progress:
        qemu_source.unpack(qemu_source.from_tarball(base, halves[0]), tmp_path / "tree", progress)
    assert (tmp_path / "tree" / "cpu.c").read_text() == "one\n2\nthree\n"
    assert not list(tmp_path.glob("tree.*"))


@pytest.mark.parametrize("which", [0, 1])
def test_a_changed_tarball_is_refused(base: Base, halves: tuple[Path, Path], which: int) -> None:
    halves[which].write_bytes(halves[which].read_bytes() + b"\0")
    with pytest.raises(BadInputError, match="SHA-256"):
        qemu_source.from_tarball(base, halves[0])


def test_debian_s_part_has_to_lie_beside(base: Base, halves: tuple[Path, Path]) -> None:
    halves[1].unlink()
    with pytest.raises(BadInputError, match=r"put qemu_.* beside"):
        qemu_source.from_tarball(base, halves[0])


def test_a_tarball_that_is_not_there(base: Base) -> None:
    with pytest.raises(BadInputError, match="no such file"):
        qemu_source.from_tarball(base, Path("/nowhere/qemu.tar.xz"))


def test_a_later_revision_is_taken_only_on_apt_s_word(
    base: Base, halves: tuple[Path, Path]
) -> None:
    later = "1:7.2+dfsg-7+deb12u19"
    assert qemu_source.check(base, later, *halves, vouched_by_apt=True).verified == "apt"
    with pytest.raises(BadInputError, match="no checksum is known"):
        qemu_source.check(base, later, *halves, vouched_by_apt=False)


def test_a_pinned_revision_is_held_to_its_pin_whatever_apt_says(
    base: Base, halves: tuple[Path, Path]
) -> None:
    halves[1].write_bytes(b"else")
    with pytest.raises(BadInputError, match="not Debian's part"):
        qemu_source.check(base, VERSION, *halves, vouched_by_apt=True)


def test_a_broken_tarball_leaves_no_tree(
    base: Base, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    good = qemu_source.from_tarball(base, halves[0])
    halves[0].write_bytes(halves[0].read_bytes()[:100])
    with step("unpacking") as progress, pytest.raises(MachineError, match="could not be unpacked"):
        qemu_source.unpack(good, tmp_path / "tree", progress)
    assert not (tmp_path / "tree").exists()


def test_a_later_point_release_has_an_original_of_its_own(
    base: Base, halves: tuple[Path, Path]
) -> None:
    """Debian's stable releases move from 10.0.13 to 10.0.14: that is no changed tarball, but another one."""
    halves[0].write_bytes(b"a later one")
    with pytest.raises(BadInputError, match=r"is not QEMU 7\.2"):
        qemu_source.check(base, VERSION, *halves, vouched_by_apt=True)
    found = qemu_source.check(base, "1:7.2.1+dfsg-1", *halves, vouched_by_apt=True)
    assert found.verified == "apt"
    with pytest.raises(BadInputError, match="no checksum is known"):
        qemu_source.check(base, "1:7.2.1+dfsg-1", *halves, vouched_by_apt=False)


def test_the_source_comes_from_the_release_that_has_it(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On any release of Debian: the machine's own suites where they have it, else its mirrors' of that release."""
    base = bases.default()
    for release, root in ((base.release, "apt"), ("elsewhere", f"apt-{base.release}-source")):
        monkeypatch.setattr(qemu_source, "codename", lambda release=release: release)
        assert qemu_source.archive_of(base).root.name == root
