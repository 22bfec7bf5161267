# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's source is what it should be, or it is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu import qemu_source
from acceptlab.toolkit.whole_files import sha256_of

VERSION = "1:7.2+dfsg-7+deb12u18"


def tarball(path: Path, folder: Path) -> Path:
    subprocess.run(["tar", "-cJf", path, "-C", folder.parent, folder.name], check=True)
    return path


@pytest.fixture
def halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a tiny source package of two tarballs, and pin it."""
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
    pins = qemu_source.pins()
    pins["orig"]["sha256"] = sha256_of(orig)
    pins["debian"][VERSION]["sha256"] = sha256_of(debian)
    (tmp_path / "pins.json").write_text(json.dumps(pins))
    monkeypatch.setattr(qemu_source, "_PINS", tmp_path / "pins.json")
    return orig, debian


def test_debian_s_patches_are_applied(halves: tuple[Path, Path], tmp_path: Path) -> None:
    with step("unpacking") as progress:
        qemu_source.unpack(qemu_source.from_tarball(halves[0]), tmp_path / "tree", progress)
    assert (tmp_path / "tree" / "cpu.c").read_text() == "one\n2\nthree\n"
    assert not list(tmp_path.glob("tree.*"))


@pytest.mark.parametrize("which", [0, 1])
def test_a_changed_tarball_is_refused(halves: tuple[Path, Path], which: int) -> None:
    halves[which].write_bytes(halves[which].read_bytes() + b"\0")
    with pytest.raises(BadInputError, match="SHA-256"):
        qemu_source.from_tarball(halves[0])


def test_debian_s_part_has_to_lie_beside(halves: tuple[Path, Path]) -> None:
    halves[1].unlink()
    with pytest.raises(BadInputError, match=r"put qemu_.* beside"):
        qemu_source.from_tarball(halves[0])


def test_a_tarball_that_is_not_there() -> None:
    with pytest.raises(BadInputError, match="no such file"):
        qemu_source.from_tarball(Path("/nowhere/qemu.tar.xz"))


def test_a_later_revision_is_taken_only_on_apt_s_word(halves: tuple[Path, Path]) -> None:
    later = "1:7.2+dfsg-7+deb12u19"
    assert qemu_source.check(later, *halves, vouched_by_apt=True).verified == "apt"
    with pytest.raises(BadInputError, match="no checksum is known"):
        qemu_source.check(later, *halves, vouched_by_apt=False)


def test_a_pinned_revision_is_held_to_its_pin_whatever_apt_says(halves: tuple[Path, Path]) -> None:
    halves[1].write_bytes(b"else")
    with pytest.raises(BadInputError, match="not Debian's part"):
        qemu_source.check(VERSION, *halves, vouched_by_apt=True)


def test_a_broken_tarball_leaves_no_tree(halves: tuple[Path, Path], tmp_path: Path) -> None:
    good = qemu_source.from_tarball(halves[0])
    halves[0].write_bytes(halves[0].read_bytes()[:100])
    with step("unpacking") as progress, pytest.raises(MachineError, match="could not be unpacked"):
        qemu_source.unpack(good, tmp_path / "tree", progress)
    assert not (tmp_path / "tree").exists()
