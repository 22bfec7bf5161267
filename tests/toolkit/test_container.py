# SPDX-License-Identifier: GPL-2.0-only
"""The Dockerfile: what its layers are made from; and, among the long tests, that it builds and what it builds runs."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT

DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
BUILDS_THE_EMULATOR = "acceptlab.toolkit.qemu.emulator_build"


def file_of(module: str) -> Path | None:
    """Return a module's file below the checkout, or None for one that is not ours."""
    path = CHECKOUT / module.removeprefix("acceptlab").lstrip(".").replace(".", "/")
    return next(
        (one for one in (path.with_suffix(".py"), path / "__init__.py") if one.exists()), None
    )


def imports_of(module: str) -> Iterator[str]:
    """Yield our modules that a module imports, and the packages that they are in."""
    file = file_of(module)
    assert file is not None
    for node in ast.walk(ast.parse(file.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            for length in range(2, len(parts) + 1):
                one = ".".join(parts[:length])
                if parts[0] == "acceptlab" and file_of(one):
                    yield one


def closure_of(module: str) -> set[str]:
    """Return the files, relative to the checkout, that importing a module reads."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += imports_of(one)
    files = {file_of(one) for one in seen}
    return {str(one.relative_to(CHECKOUT)) for one in files if one}


def steps() -> list[str]:
    """Return the Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def copied_before_the_emulator() -> list[str]:
    """Return what is in the image when the emulator is built."""
    before = steps()[: next(i for i, one in enumerate(steps()) if "emulator_build" in one)]
    return [word for one in before if one.startswith("COPY ") for word in one.split()[1:-1]]


def test_the_layer_of_the_emulator_has_all_that_building_it_reads() -> None:
    copied = copied_before_the_emulator()
    missing = {
        file
        for file in closure_of(BUILDS_THE_EMULATOR)
        if not any(file == one or file.startswith(f"{one}/") for one in copied)
    }
    assert missing == set()
    assert "emulator" in copied


def test_a_change_of_other_python_code_is_none_to_it() -> None:
    copied = copied_before_the_emulator()
    assert not {"toolkit", "analysis", ".", "tests", "patches"} & set(copied)
    assert [one for one in steps() if one.startswith("COPY")][-1] == "COPY . ."


def test_what_is_built_on_the_host_is_left_out() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().split()
    assert {".git", "build", "**/__pycache__"} <= set(ignored)


# ---- building it, which takes a quarter of an hour


def run(*words: str | Path, timeout: int = 3600) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=timeout, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


class Builder:
    """buildah, without a daemon: its own store, processes in a chroot."""

    def __init__(self, home: Path) -> None:
        store = ("--root", str(home / "store"), "--runroot", str(home / "run"))
        self._command = ("buildah", *store, "--storage-driver", "vfs")

    def __call__(self, *words: str | Path) -> str:
        return run(*self._command, *words)

    def build(self, context: Path) -> str:
        """Build the image `acceptlab`; return the log."""
        return self(
            "build", "--isolation", "chroot", "--layers", "--build-arg", "BASE=localhost/base", "-t", "acceptlab", context,
        )  # fmt: skip


def base_image(builder: Builder, home: Path) -> None:
    """Make the image `base`: Debian as debootstrap makes it, with this machine's ways to its mirrors."""
    root = home / "base"
    run("debootstrap", "--variant=minbase", "bookworm", root)
    of_this_machine = (
        *("etc/apt/sources.list", "etc/apt/sources.list.d", "etc/pip.conf", "etc/ssl"),
        "usr/local/share/ca-certificates",  # ca-certificates makes /etc/ssl/certs anew from these
    )
    for name in of_this_machine:
        source = Path("/") / name
        if source.is_dir():
            shutil.copytree(source, root / name, symlinks=True, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy(source, root / name)
    container = builder("from", "scratch").strip()
    builder("copy", "-q", container, root, "/")
    for name in ("SSL_CERT_FILE", "PIP_CERT"):
        if os.environ.get(name):
            builder("config", "--env", f"{name}={os.environ[name]}", container)
    builder("commit", "-q", "--rm", container, "base")


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap and chroot need root")
def test_the_image_is_built_and_boots_a_guest(tmp_path: Path) -> None:
    if not shutil.which("buildah"):
        run("apt-get", "install", "-y", "--no-install-recommends", "buildah", "debootstrap")
    builder = Builder(tmp_path)
    base_image(builder, tmp_path)
    context = tmp_path / "context"
    shutil.copytree(
        CHECKOUT, context, symlinks=True, ignore=shutil.ignore_patterns(".git", "build")
    )
    first = builder.build(context)
    assert "Using cache" not in first.split("COPY emulator")[1]
    (context / "toolkit/cli/app.py").open("a").write("\n# changed\n")
    again = builder.build(context)
    assert "Using cache" in again.split("emulator_build.ensure()")[1].split("COPY . .")[0]

    container = builder("from", "acceptlab").strip()
    try:
        inside = ("run", "--isolation", "chroot", container, "--", "/acceptlab/acceptlab")
        lacks = "; test $? -eq 3"  # a kernel, so far
        assert "ok       emulator" in builder(
            *inside[:-1], "sh", "-c", f"/acceptlab/acceptlab doctor{lacks}"
        )
        words = [
            "run",
            "debian:6.12",
            "--platform",
            "snp",
            "--memory",
            "2G",
            "--replay",
            "--out",
            "/tmp/run",
        ]
        assert "clean: Every page was accepted once" in builder(*inside, *words)
    finally:
        builder("rm", container)
