# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's modules: which are loaded, in which order, and where they come from."""

from __future__ import annotations

import gzip
import lzma
import struct
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import modules
from acceptlab.toolkit.kernels.modules import modules_of
from acceptlab.toolkit.kernels.resolve import Kernel

NAMES = ("virtio_blk", "ext4")


def elf(modinfo: bytes) -> bytes:
    """A relocatable ELF file with nothing but a .modinfo section (ELF-64 object file format)."""
    names = b"\0.modinfo\0.shstrtab\0"
    data = modinfo + names
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 1, 62, 1, 0, 0, 64 + len(data), 0, 64, 0, 0, 64, 3, 2
    )

    def section(name: int, kind: int, offset: int, size: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, offset, size, 0, 0, 1, 0)

    return (
        header + data + section(0, 0, 0, 0) + section(1, 1, 64, len(modinfo)) + section(10, 3, 64 + len(modinfo), len(names))
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a modules' folder: ext4 depends on two modules, one of which depends on the other; virtio is built in."""
    home = tmp_path / "lib" / "modules" / "6.12.1"
    files = {
        "kernel/fs/ext4/ext4.ko.xz": lzma.compress(
            elf(b"license=GPL\0depends=jbd2,mbcache\0softdep=pre: crc32c\0")
        ),
        "kernel/fs/jbd2/jbd2.ko.gz": gzip.compress(elf(b"depends=mbcache\0")),
        "kernel/fs/mbcache.ko": elf(b"depends=\0"),
        "kernel/crypto/crc32c.ko": elf(b"depends=\0"),
        "kernel/drivers/block/virtio-blk.ko": elf(b"depends=virtio\0"),
    }
    for name, content in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    (home / "modules.builtin").write_text("kernel/drivers/virtio/virtio.ko\nkernel/fs/erofs.ko\n")
    return home


def kernel(tmp_path: Path, config: str = "", package: str = "", image: str = "bzImage") -> Kernel:
    path = tmp_path / "config"
    path.write_text(config)
    return Kernel(
        "mine", tmp_path / image, "6.12.1", "", path if config else None, package=package
    )  # fmt: skip


def test_modules_come_behind_those_that_they_depend_on(tmp_path: Path, folder: Path) -> None:
    found = modules_of(kernel(tmp_path), NAMES, folder, "--root")
    assert [one.name for one in found] == ["virtio_blk", "mbcache", "jbd2", "crc32c", "ext4"]
    assert all(one.content.startswith(b"\x7fELF") for one in found)


def test_what_is_built_in_is_not_loaded(tmp_path: Path, folder: Path) -> None:
    assert modules_of(kernel(tmp_path), ["erofs"], folder, "--root") == []
    config = "CONFIG_VIRTIO_BLK=m\nCONFIG_EXT4_FS=y\n"
    found = modules_of(kernel(tmp_path, config), NAMES, folder, "--root")
    assert [one.name for one in found] == ["virtio_blk"]
    whole = kernel(tmp_path, config.replace("=m", "=y"))
    assert modules_of(whole, NAMES, None, "--root") == [], "none has to be at hand"


def test_modules_beside_the_image(tmp_path: Path, folder: Path) -> None:
    image = folder / "vmlinuz"
    found = modules_of(kernel(tmp_path, image=str(image)), ["ext4"], None, "--root")
    assert found[-1].name == "ext4"


@pytest.mark.parametrize(
    ("config", "wanted", "given", "why"),
    [
        ("CONFIG_VIRTIO_BLK=y\n", "ext4", True, "mine has no CONFIG_EXT4_FS; build one with it"),
        ("", "overlay", True, "has no module overlay for mine"),
        ("", "ext4", False, "the modules of mine are not at hand; give their folder by --modules"),
    ],
)
def test_what_cannot_be_had_is_refused(
    tmp_path: Path, folder: Path, config: str, wanted: str, given: bool, why: str
) -> None:
    with pytest.raises(BadInputError, match=why):
        modules_of(kernel(tmp_path, config), [wanted], folder if given else None, "--root")


def test_a_file_that_is_no_module_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "kernel/fs/mbcache.ko").write_bytes(b"not ELF")
    with pytest.raises(BadInputError, match="is no kernel module"):
        modules_of(kernel(tmp_path), ["ext4"], folder, "--root")


@pytest.mark.parametrize(
    ("package", "release", "expected"),
    [
        ("linux-image-6.12.1-cloud-amd64-unsigned", "6.12.1", "linux-image-6.12.1-cloud-amd64-unsigned"),
        ("linux-binary-7.3.4-cloud-amd64", "7.3.4-cloud-amd64", "linux-modules-7.3.4-cloud-amd64"),
    ],
)  # fmt: skip
def test_the_package_with_the_modules(package: str, release: str, expected: str) -> None:
    assert modules._package_of(package, release) == expected
