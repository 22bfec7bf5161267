# SPDX-License-Identifier: GPL-2.0-only
"""A toy kernel tree in a real git repository, and series on top of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT, IMPORTS
from tests.toolkit import toy
from tests.toolkit.in_process import Command, in_process

HERE = Path(__file__).resolve().parent
WHO = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@localhost", "GIT_COMMITTER_NAME": "A",
       "GIT_COMMITTER_EMAIL": "a@localhost", "GIT_CONFIG_GLOBAL": "", "GIT_CONFIG_NOSYSTEM": "1",
       "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}  # fmt: skip


class Tree:
    """A user's repository with the toy tree as its first commit, tagged `base`."""

    @classmethod
    def of(cls, path: Path) -> Tree:
        """Return a repository that is there."""
        there = cls.__new__(cls)
        there.path = path
        return there

    def __init__(self, path: Path) -> None:
        self.path = path
        shutil.copytree(HERE / "toytree", path)
        (path / "bzImage.toy").write_bytes(toy.make_bzimage())
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "The toy tree")
        self.git("tag", "base")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=os.environ | WHO, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def change(self, file: str, old: str, new: str, subject: str) -> str:
        """Commit an edit of one file and return the commit."""
        path = self.path / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        self.git("commit", "--quiet", "--all", "--message", f"{subject}\n\nBecause it has to be.")
        return self.git("rev-parse", "HEAD")

    def patches(self, folder: Path, *words: str) -> Path:
        """Write all commits after the base into a folder, as git format-patch does."""
        self.git("format-patch", "--quiet", "-o", str(folder), *words, "base..HEAD")
        return folder


SPEC = """\
name = "{name}"
title = "A series for tests"
[base]
git = "{tree}"
commit = "base"
[config]
fragments = ["{fragment}"]
[compare]
kernels = []
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A toy tree without changes."""
    return Tree(tmp_path / "linux")


def write_spec(folder: Path, tree: Tree) -> Path:
    """Write a series.toml on a toy tree, with an option that sticks, below a folder; return it."""
    fragment = folder / "toy.config"
    fragment.write_text("CONFIG_EFI=y\nCONFIG_UNACCEPTED=y\n")
    path = folder / "series" / "series.toml"
    path.parent.mkdir()
    path.write_text(SPEC.format(name="toy", tree=tree.path, fragment=fragment))
    return path


@pytest.fixture
def spec(tmp_path: Path, tree: Tree) -> Path:
    """A series.toml on the toy tree."""
    return write_spec(tmp_path, tree)


@pytest.fixture
def three(tree: Tree, spec: Path) -> Path:
    """A series of three patches in a folder of its own: one is plain, one makes gcc warn, one is plain again."""
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    tree.change(
        "mm/page_alloc.c", "return order;", "int spare;\n\n\treturn order;", "mm: Keep a spare"
    )
    tree.change("kernel/fork.c", "return 1;", "return 3;", "kernel: Fork three times")
    return tree.patches(spec.parent)


_RUN = """
import sys
from pathlib import Path
from tests.toolkit import toy
from acceptlab.toolkit.cli import run_worker
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.emulator_run import perform
home = Path(sys.argv[1])
def on_toy(options, kernel, emulator, *rest, **more):
    mode = "panic" if b"toy panics" in kernel.image.read_bytes() else "userspace"
    return perform(options, kernel, toy.make_emulator(home, mode), *rest, **more)
emulator_build.ensure = lambda: toy.make_emulator(home, "userspace")
run_worker.perform = on_toy
run_worker.main()
"""
"""Runs in a process of its own, on an emulator in which a kernel that has the words `toy panics` in it panics."""


@pytest.fixture
def acceptlab(
    tmp_path: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Return a function that runs the command in this process, with a cache of its own and a toy emulator."""
    return toy_command(tmp_path, monkeypatch, capsys)


def toy_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs the command in this process, with a toy emulator that lies in a folder."""
    from acceptlab.toolkit.qemu import emulator_build

    emulator = toy.make_emulator(tmp_path, "userspace")
    monkeypatch.setattr(emulator_build, "ensure", lambda: emulator)
    (tmp_path / "worker.py").write_text(_RUN)
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{tmp_path}/worker.py" "{tmp_path}" "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PYTHONPATH", f"{IMPORTS}:{CHECKOUT}")

    return in_process(monkeypatch, capsys)
