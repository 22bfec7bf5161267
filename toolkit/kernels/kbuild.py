# SPDX-License-Identifier: GPL-2.0-only
"""kbuild's command line and environment, so that the same tree and configuration give the same bytes; and how it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from acceptlab.toolkit.errors import AcceptlabError, BadInputError, MachineError
from acceptlab.toolkit.kernels import sandbox
from acceptlab.toolkit.kernels.diagnostics import first_errors
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.processes import end_with_parent

ARCH = "x86_64"
IMAGE = Path("arch/x86/boot/bzImage")
REPRODUCIBLE = {
    "LC_ALL": "C.UTF-8",
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "acceptlab",
    "KBUILD_BUILD_HOST": "localhost",
    "KBUILD_BUILD_VERSION": "1",
    "LOCALVERSION": "",  # set, if empty: no `+` for a tree that git knows
}
"""Documentation/kbuild/reproducible-builds.rst."""
_TOOLS = {
    "make": "make",
    "gcc": "gcc",
    "ld": "binutils",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "perl": "perl",
}
"""Programs that every kernel build needs, and Debian's packages of them."""
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH", "TMPDIR")
"""Where programs, headers and libraries are. Whatever else the environment has is no matter of a tree's Makefile: tokens, agents, flags."""
_PYTHON = "/usr/bin/python3"
"""The system's own. One that PATH has first may be a shell script around it (pyenv), and W=1 runs Python for every object."""
_NO_HOME = "/nonexistent"
_NICE = 5
"""A build takes minutes of all cores: whatever else goes on comes first."""


def is_kernel_tree(folder: Path) -> bool:
    """Return whether a folder holds a kernel's source."""
    return (folder / "Kconfig").is_file() and (folder / "Makefile").is_file()


def make_words(tree: Path, objects: Path, warnings: bool) -> list[str]:
    """Return make's command up to the target.

    With ``warnings`` it has W=1, which changes no code but separates old warnings from new ones. It runs kernel-doc on every
    file, which takes longer than many a compilation (scripts/Makefile.build, cmd_checkdoc).
    """
    words = ["make", "-C", str(tree), f"O={objects}", f"ARCH={ARCH}", f"CC={compiler()}"]
    words += [f"PYTHON3={_PYTHON}"] if os.access(_PYTHON, os.X_OK) else []
    return [*words, "W=1"] if warnings else words


def environment() -> dict[str, str]:
    """Return the environment of a build: nothing of the user's gets into the kernel, nor to the tree's Makefile and scripts.

    ccache takes an object's headers from the compiler (ccache(1), depend_mode) and does not preprocess each file before,
    a sixth of the time of a first build.
    """
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith("CCACHE_")
    }
    ccache = {"CCACHE_DIR": str(cache() / "ccache"), "CCACHE_MAXSIZE": "4G", "CCACHE_DEPEND": "1"}
    return {**ccache, **passed, "HOME": _NO_HOME, **REPRODUCIBLE, **sandbox.variables()}


def compiler() -> str:
    """Return the compiler's command, through ccache where that is installed."""
    return "ccache gcc" if shutil.which("ccache") else "gcc"


def toolchain() -> str:
    """Return the compiler's and the linker's own version lines, which name all that decides about their output."""
    lines = []
    for tool in ("gcc", "ld"):
        try:
            done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise _lacking([tool]) from None
        lines.append((done.stdout.splitlines() or [tool])[0])
    return ", ".join(lines)


def jobs() -> int:
    """Return how many jobs make gets: one for each core that we may use."""
    return len(os.sched_getaffinity(0))


def make_quietly(tree: Path, objects: Path, target: str, warnings: bool) -> None:
    """Make a target that takes seconds; raises the same errors as a build, with its output in objects/build.log."""
    done = subprocess.run(
        sandbox.words([*make_words(tree, objects, warnings), "-s", target], [tree], [objects]), env=environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        preexec_fn=end_with_parent,
    )  # fmt: skip
    if done.returncode != 0:
        log = objects / "build.log"
        log.write_text(done.stdout)
        raise failure(f"make {target}", done.stdout.splitlines(), tree, log)


def gently() -> None:
    """Give way to others, and end with our parent; for `preexec_fn`."""
    end_with_parent()
    os.nice(_NICE)


def failure(what: str, lines: Sequence[str], tree: Path, log: Path) -> AcceptlabError:
    """Return the error for a make that failed: the tree's fault, or this machine's."""
    text = "\n".join(lines)
    if "source tree is not clean" in text:
        return BadInputError(
            f"{tree} has an in-tree build, so kbuild refuses to build elsewhere: run `make` there and `acceptlab run {tree}`, "
            "or `make mrproper` first"
        )
    if "No space left on device" in text:
        return MachineError(f"disk full ({what}): free some space, or set XDG_CACHE_HOME")
    if "gelf.h" in text or "libelf.h" in text:
        return MachineError("building a kernel needs libelf's headers: apt-get install libelf-dev")
    return BadInputError(f"{what} failed: {first_errors(lines, str(tree))} (full log: {log})")


def check_tools() -> None:
    """Raise MachineError naming the packages of what a build needs and this machine has not."""
    missing = [tool for tool in _TOOLS if not shutil.which(tool)]
    if missing:
        raise _lacking(missing)


def _lacking(tools: Sequence[str]) -> MachineError:
    packages = " ".join(dict.fromkeys(_TOOLS[tool] for tool in tools))
    return MachineError(f"building a kernel needs {', '.join(tools)}: apt-get install {packages}")
