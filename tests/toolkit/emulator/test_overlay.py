# SPDX-License-Identifier: GPL-2.0-only
"""Our files on top of QEMU's tree: only what differs is written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.qemu import bases, overlay

HOOK = "--- a/cpu.c\n+++ b/cpu.c\n@@ -1,3 +1,4 @@\n one\n+hooked\n two\n three\n"
SECOND = "--- a/cpu.c\n+++ b/cpu.c\n@@ -1,4 +1,5 @@\n one\n hooked\n+twice\n two\n three\n"


class Ground:
    """A checkout's emulator folder, and a tree to bring it to."""

    def __init__(self, folder: Path) -> None:
        self.emulator, self.tree = folder / "emulator", folder / "tree"
        self.originals = folder / "originals"
        for path, text in (
            ("model/rmp.c", "model"), ("qemu/glue.c", "glue"), ("qemu/acceptlab.mak", "devices"),
            ("qemu/hooks/1.0/0001.patch", HOOK), ("qemu/hooks/1.0/0002.patch", SECOND),
        ):  # fmt: skip
            self.write(path, text)
        self.tree.mkdir()
        (self.tree / "cpu.c").write_text("one\ntwo\nthree\n")

    def write(self, path: str, text: str) -> None:
        target = self.emulator / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def sync(self) -> int:
        return overlay.sync(overlay.read(self.emulator, "1.0"), self.tree, self.originals)

    def text(self, path: str) -> str:
        return (self.tree / path).read_text()


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def test_everything_comes_where_it_belongs(ground: Ground) -> None:
    assert ground.sync() == 4
    assert ground.text("target/i386/acceptlab/model/rmp.c") == "model"
    assert ground.text("target/i386/acceptlab/glue.c") == "glue"
    assert ground.text("configs/devices/x86_64-softmmu/acceptlab.mak") == "devices"
    assert ground.text("cpu.c") == "one\nhooked\ntwice\ntwo\nthree\n"
    assert not (ground.tree / "target/i386/acceptlab/hooks").exists()


def test_the_hooks_are_those_of_the_version(ground: Ground) -> None:
    ground.write("qemu/hooks/2.0/0001.patch", SECOND)
    assert [hook.content.decode() for hook in overlay.read(ground.emulator, "2.0").hooks] == [
        SECOND
    ]
    assert len(overlay.read(ground.emulator, "1.0").hooks) == 2


def test_what_is_the_same_is_not_touched(ground: Ground) -> None:
    ground.sync()
    before = (ground.tree / "cpu.c").stat().st_mtime_ns
    ground.write("qemu/glue.c", "edited")
    assert ground.sync() == 1
    assert ground.text("target/i386/acceptlab/glue.c") == "edited"
    assert (ground.tree / "cpu.c").stat().st_mtime_ns == before


def test_a_changed_hook_starts_from_qemu_s_own_file(ground: Ground) -> None:
    ground.sync()
    (ground.emulator / "qemu/hooks/1.0/0002.patch").unlink()
    ground.sync()
    assert ground.text("cpu.c") == "one\nhooked\ntwo\nthree\n"
    (ground.emulator / "qemu/hooks/1.0/0001.patch").unlink()
    ground.sync()
    assert ground.text("cpu.c") == "one\ntwo\nthree\n"


def test_a_removed_file_goes_from_the_tree(ground: Ground) -> None:
    ground.sync()
    (ground.emulator / "model/rmp.c").unlink()
    assert ground.sync() == 1
    assert not (ground.tree / "target/i386/acceptlab/model/rmp.c").exists()


def test_a_hook_that_does_not_apply_is_named_and_changes_nothing(ground: Ground) -> None:
    ground.sync()
    ground.write("qemu/hooks/1.0/0003.patch", HOOK.replace(" two", " nowhere"))
    with pytest.raises(BadInputError, match=r"0003\.patch does not apply"):
        ground.sync()
    assert ground.text("cpu.c") == "one\nhooked\ntwice\ntwo\nthree\n"


def test_any_change_changes_the_digest(ground: Ground) -> None:
    seen = {overlay.read(ground.emulator, "1.0").digest()}
    for path in (
        "model/rmp.c",
        "qemu/glue.c",
        "qemu/acceptlab.mak",
        "qemu/hooks/1.0/0001.patch",
        "qemu/new.h",
    ):
        ground.write(path, "changed")
        seen.add(overlay.read(ground.emulator, "1.0").digest())
    assert len(seen) == 6


def test_a_checkout_without_its_device_file_is_refused(ground: Ground) -> None:
    (ground.emulator / "qemu/acceptlab.mak").unlink()
    with pytest.raises(BadInputError, match=r"acceptlab\.mak is missing"):
        overlay.read(ground.emulator, "1.0")


@pytest.mark.parametrize("version", bases.known())
def test_hooks_are_patches_that_git_am_takes(version: str) -> None:
    """Every hook is a mail with a subject and a body that says why, and adds no white-space error."""
    hooks = sorted((CHECKOUT / "emulator/qemu/hooks" / version).glob("*.patch"))
    assert hooks
    for hook in hooks:
        told = subprocess.run(
            ["git", "mailinfo", os.devnull, os.devnull],
            stdin=hook.open(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "Subject: " in told, hook.name
        checked = subprocess.run(
            ["git", "apply", "--numstat", hook], capture_output=True, text=True, check=True, cwd="/"
        ).stdout
        assert checked.strip(), hook.name


def test_an_edit_during_the_build_stays_out_of_it(ground: Ground) -> None:
    files = overlay.read(ground.emulator, "1.0")
    before = files.digest()
    for hook in (ground.emulator / "qemu/hooks/1.0").glob("*.patch"):
        hook.write_text("edited\n")
    assert files.digest() == before
    assert overlay.read(ground.emulator, "1.0").digest() != before
