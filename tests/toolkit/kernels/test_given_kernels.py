# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that a user gives: paths, packages and folders; and what those of the cache say of their series."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.whole_files import sha256_of
from tests.toolkit import toy
from tests.toolkit.kernels.kernel_files import cached, deb, files_of


def test_a_path_is_resolved_with_version_and_checksum(tmp_path: Path, own_cache: Path) -> None:
    path = toy.make_kernel(tmp_path)
    kernel = resolve(str(path))
    assert (kernel.image, kernel.version) == (path, "6.12.0-made-by-hand")
    assert kernel.sha256 == sha256_of(path)


MADE_OF = {
    "base": "linux-source-6.1 6.1.176-1",
    "patches": 3,
    "subject": "mm: Fix",
    "commit": "c4",
}


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
        ("/nowhere/bzImage", "no kernel '/nowhere/bzImage'"),
        ("/sys", "contains no kernel"),
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


def test_a_package_of_the_user_s(own_cache: Path, tmp_path: Path) -> None:
    name = "linux-binary-7.3.4-cloud-amd64"
    file = deb(tmp_path, name, "7.3.4-1", files_of(name))
    kernel = resolve(str(file))
    assert (kernel.version, kernel.package) == ("7.3.4-cloud-amd64", f"{name} 7.3.4-1")
    assert resolve(str(file)).image == kernel.image
    empty = deb(tmp_path, "linux-image-7.3.4", "7.3.4-1", {"usr/share/doc/x": b""})
    with pytest.raises(BadInputError, match="holds no kernel image"):
        resolve(str(empty))
    damaged = tmp_path / "x.deb"
    damaged.write_bytes(file.read_bytes()[:200])
    with pytest.raises((BadInputError, MachineError)) as raised:
        resolve(str(damaged))
    assert "\n" not in str(raised.value)


def placed(root: Path, image: str, config: str = "") -> Path:
    for name, data in ((image, toy.make_bzimage()), (config, b"CONFIG_X=y\n")):
        if name:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
            os.utime(root / name, ns=(len(name), len(name)))
    return root / image


MODULES = "usr/lib/modules/7.3.4"


@pytest.mark.parametrize(
    ("image", "config", "folder"),
    [
        ("arch/x86/boot/bzImage", ".config", "."),
        ("boot/vmlinuz-7.3.4", "boot/config-7.3.4", "."),
        ("boot/vmlinuz-7.3.4", f"{MODULES}/config", "."),
        (f"{MODULES}/vmlinuz", f"{MODULES}/config", "."),
        (f"{MODULES}/vmlinuz", "boot/config-7.3.4", MODULES),
        ("boot/vmlinuz-7.3.4", "boot/config-7.3.4", MODULES),
        ("lib/modules/7.3.4/vmlinuz", "lib/modules/7.3.4/config", "."),
        ("vmlinuz", "", "."),
        ("bzImage", "", "."),
    ],
)
def test_a_folder_with_a_kernel_and_the_neighbours_of_one(
    own_cache: Path, tmp_path: Path, image: str, config: str, folder: str
) -> None:
    path = placed(tmp_path, image, config)
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for argument in (str(tmp_path / folder), str(path)):
        kernel = resolve(argument)
        assert kernel.image == path
        assert kernel.config == (tmp_path / config if config else None)


def test_a_build_tree_is_run_from_inside(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = placed(tmp_path, "arch/x86/boot/bzImage")
    monkeypatch.chdir(tmp_path)
    assert resolve(".").image == path


def test_a_configuration_that_was_edited_after_the_build_does_not_count(
    own_cache: Path, tmp_path: Path
) -> None:
    path = placed(tmp_path, "arch/x86/boot/bzImage", ".config")
    os.utime(tmp_path / ".config", ns=(10**9, 10**9))
    assert resolve(str(path)).config is None


def test_the_configuration_of_another_kernel_does_not_count(
    own_cache: Path, tmp_path: Path
) -> None:
    path = placed(tmp_path, "boot/vmlinuz-7.3.4", "boot/config-7.3.5")
    assert resolve(str(path)).config is None


def test_folders_without_one_kernel(own_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="contains no kernel"):
        resolve(str(tmp_path))
    for name in ("Kconfig", "Makefile"):
        (tmp_path / name).touch()
    with pytest.raises(BadInputError, match="kernel tree without a build"):
        resolve(str(tmp_path))
    placed(tmp_path, "boot/vmlinuz-1")
    placed(tmp_path, "boot/vmlinuz-2")
    with pytest.raises(
        BadInputError, match=r"2 kernels: give one of boot/vmlinuz-1, boot/vmlinuz-2"
    ):
        resolve(str(tmp_path))
