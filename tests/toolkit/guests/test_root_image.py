# SPDX-License-Identifier: GPL-2.0-only
"""Root file systems: what names one, and the image that is made of a folder without root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.guest import ext4_image, root_image
from acceptlab.toolkit.guest.disk_modules import names_for, with_modules
from acceptlab.toolkit.kernels.modules import Module
from tests.toolkit.guests.test_cpio import read_cpio

OLD = 1_000_000_000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a folder with a program, a link, a file of two names, and a name with a space."""
    folder = tmp_path / "tree"
    (folder / "usr" / "bin").mkdir(parents=True)
    (folder / "bin").symlink_to("usr/bin")
    (folder / "usr" / "bin" / "tool").write_text("#!/bin/sh\n")
    (folder / "usr" / "bin" / "tool").chmod(0o755)
    (folder / "a name").write_text("text")
    (folder / "other").hardlink_to(folder / "a name")
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    return folder


def debugfs(image: Path, request: str) -> str:
    command = ["debugfs", "-R", request, str(image)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True,
        env=os.environ | {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "TZ": "UTC"},
    )  # fmt: skip
    return done.stdout


@pytest.mark.processes
def test_image_of_a_folder(own_cache: Path, tree: Path) -> None:
    found = root_image.root_image(str(tree))
    assert found.file_system == "ext4"
    assert debugfs(found.path, "cat /usr/bin/tool") == "#!/bin/sh\n"
    assert debugfs(found.path, 'cat "/a name"') == debugfs(found.path, "cat /other") == "text"
    stat = debugfs(found.path, "stat /usr/bin/tool")
    assert "Mode:  0755" in stat
    assert "User:     0   Group:     0" in stat
    assert "2001" in next(line for line in stat.splitlines() if " mtime:" in line)
    for time in ("ctime", "atime", "crtime"):
        (line,) = (one for one in stat.splitlines() if one.strip().startswith(f"{time}:"))
        assert "Thu Jan  1 00:00:00 2026" in line
    checked = ["e2fsck", "-fn", str(found.path)]
    env = os.environ | {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    assert subprocess.run(checked, capture_output=True, check=False, env=env).returncode == 0
    assert root_image.digest_of(str(tree)) == found.path.parent.name


@pytest.mark.processes
def test_image_is_cached_by_content(own_cache: Path, tree: Path) -> None:
    first = root_image.root_image(str(tree))
    stamp = first.path.stat().st_mtime_ns
    copy = tree.with_name("copy")
    subprocess.run(["cp", "-a", tree, copy], check=True)
    assert root_image.root_image(str(copy)).path == first.path
    assert first.path.stat().st_mtime_ns == stamp
    first.path.write_bytes(b"damaged")
    assert root_image.root_image(str(tree)).sha256 != ""
    assert first.path.stat().st_size > len(b"damaged")


@pytest.mark.parametrize("change", ["content", "mode", "name", "link", "time"])
def test_every_change_is_another_content(tree: Path, change: str) -> None:
    before = ext4_image.digest_of(tree)
    file = tree / "a name"
    if change == "content":
        file.write_text("tuxt")
        os.utime(file, (OLD, OLD))
    elif change == "mode":
        file.chmod(0o600)
    elif change == "name":
        file.rename(tree / "b name")
    elif change == "link":
        (tree / "bin").unlink()
        (tree / "bin").symlink_to("usr/ban")
        os.utime(tree / "bin", (OLD, OLD), follow_symlinks=False)
    else:
        os.utime(file, (OLD + 1, OLD + 1))
    os.utime(tree, (OLD, OLD))
    assert ext4_image.digest_of(tree) != before


def test_links_out_of_the_folder_are_not_followed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tree / "out").symlink_to(tmp_path / "secret")
    before = ext4_image.digest_of(tree)
    (tmp_path / "secret" / "file").write_text("x")
    assert ext4_image.digest_of(tree) == before


def test_without_e2fsprogs_it_says_what_to_install(
    own_cache: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(MachineError, match="mke2fs is missing: install the package e2fsprogs"):
        root_image.root_image(str(tree))
    assert not list((own_cache / "acceptlab" / "roots").glob("[!.]*"))


@pytest.mark.parametrize(
    ("name", "offset", "magic"),
    [
        ("ext4", 1080, b"\x53\xef"),
        ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
        ("squashfs", 0, b"hsqs"),
    ],
)
def test_a_file_is_what_its_magic_says(
    tmp_path: Path, name: str, offset: int, magic: bytes
) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(offset) + magic + bytes(100))
    assert root_image.root_image(str(image)).file_system == name
    image.write_bytes(bytes(offset) + magic[::-1] + bytes(100))
    with pytest.raises(BadInputError, match="not an image of a file system"):
        root_image.check_root(str(image))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/no/such/place", "No such file or directory; give a folder, an image or debian:SUITE"),
        ("debian:", "must be debian:SUITE"),
        ("debian:../x", "must be debian:SUITE"),
        ("debian:trixie,-o", "'-o' is no package"),
    ],
)
def test_what_names_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        root_image.check_root(text)


def test_a_path_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert root_image.absolute("tree") == str(tmp_path / "tree")
    assert root_image.absolute("debian:sid") == "debian:sid"
    assert root_image.absolute("") == ""


def test_modules_are_loaded_in_the_order_of_their_names() -> None:
    modules = [Module(f"m{number}", bytes([number])) for number in range(11, 0, -1)]
    files = [one for one in read_cpio(with_modules(b"", modules)) if one.data]
    assert [one.path for one in sorted(files, key=lambda one: one.path)] == [
        f"modules/{number:02}-m{11 - number}.ko" for number in range(11)
    ]
    assert with_modules(b"archive", []) == b"archive"


def test_only_an_overlay_needs_one() -> None:
    assert "overlay" in names_for("ext4", "overlay", "virtio_mmio")
    assert names_for("erofs", "ro", "virtio_pci") == ["virtio_pci", "virtio_blk", "erofs"]
