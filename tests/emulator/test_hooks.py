# SPDX-License-Identifier: GPL-2.0-only
"""The hook series: each patch applies by `git am` to its predecessors, and builds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu import bases, emulator_build, overlay, qemu_source
from acceptlab.toolkit.qemu.bases import Base

AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@localhost")


def git(tree: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(tree), *AUTHOR, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit_what_hooks_touch(tree: Path, hooks: list[Path]) -> None:
    """Make a repository of `tree`; of its files only those of the series are in it."""
    git(tree, "init", "-q")
    named = "\n".join(git(tree, "apply", "--numstat", str(hook)) for hook in hooks)
    git(tree, "add", *{line.split("\t")[2] for line in named.splitlines() if line})
    git(tree, "commit", "-q", "-m", "QEMU as Debian has it")


@pytest.fixture
def base() -> Base:
    return bases.chosen()


@pytest.fixture
def files(base: Base) -> overlay.Overlay:
    return emulator_build.files_for(base)


@pytest.fixture
def hooks(files: overlay.Overlay, tmp_path: Path) -> list[Path]:
    """Return the series as files, in order."""
    folder = tmp_path / "hooks"
    folder.mkdir()
    for hook in files.hooks:
        (folder / hook.name).write_bytes(hook.content)
    return sorted(folder.iterdir())


@pytest.fixture
def made_of(base: Base) -> qemu_source.Source:
    """Return the source that the emulator of this checkout was made from."""
    found = emulator_build.cached_source(base)
    assert found is not None, "there is no emulator for this checkout: run `make setup`"
    return found


def test_each_hook_applies_to_its_predecessors(
    made_of: qemu_source.Source, hooks: list[Path], tmp_path: Path
) -> None:
    """To QEMU's own version of the files that they touch: a build's copies, or the source itself."""
    tree = tmp_path / "qemu"
    copies = emulator_build.work_folder(made_of.debian_sha256) / "originals"
    if copies.is_dir():
        shutil.copytree(copies, tree)
    else:  # a cached emulator outlives the folder that it was built in
        with step("unpacking QEMU") as progress:
            qemu_source.unpack(made_of, tree, progress)
    commit_what_hooks_touch(tree, hooks)
    for hook in hooks:
        git(tree, "am", "-q", "--whitespace=error", str(hook))
    subjects = git(tree, "log", "--format=%s", "--reverse").splitlines()[1:]
    assert len(subjects) == len(hooks)
    assert all(
        subject.startswith(("target/i386: ", "accel/tcg: ", "meson: ", "util: "))
        for subject in subjects
    )


@pytest.mark.long
def test_each_hook_builds_without_a_warning(
    base: Base,
    made_of: qemu_source.Source,
    hooks: list[Path],
    files: overlay.Overlay,
    tmp_path: Path,
) -> None:
    tree, log = tmp_path / "qemu", tmp_path / "build.log"
    with step("unpacking QEMU") as progress:
        qemu_source.unpack(made_of, tree, progress)
    for path, content in files.added.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    commit_what_hooks_touch(tree, hooks)
    for hook in hooks:
        git(tree, "am", "-q", "--whitespace=error", str(hook))
        emulator_build.compile_tree(base, tree, tmp_path / "objects", log)
        warnings = [line for line in log.read_text().splitlines() if "warning:" in line.lower()]
        assert warnings == [], hook.name
    emulator = [str(tmp_path / "objects" / emulator_build.BINARY), "-object", "help"]
    known = subprocess.run(emulator, capture_output=True, text=True, check=True).stdout
    assert "snp-emulated" in known
    assert "tdx-emulated" in known
