# SPDX-License-Identifier: GPL-2.0-only
"""Emulators that lack one check each: one object file compiled anew, and the link; the build tree stays as it is."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from acceptlab.toolkit.qemu import emulator_build as build

HERE = Path(__file__).resolve().parent
EMULATOR = HERE.parents[1] / "emulator"
OVERRIDE = "ACCEPTLAB_BUILD_TREE"
OUR_FOLDER = "target/i386/acceptlab"
"""Where our files lie in QEMU's source (the contents of emulator/qemu, with emulator/model beside them)."""


@dataclass(frozen=True)
class Mutant:
    """One edit of one file, and the tests of tests/emulator that must notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def in_qemu(self) -> str:
        """Return the file's path in QEMU's source."""
        if self.file.startswith("qemu:"):
            return self.file.removeprefix("qemu:")
        return f"{OUR_FOLDER}/{self.file.removeprefix('qemu/')}"


def mutants() -> list[Mutant]:
    """Return all mutants of the lists beside this file."""
    entries = [
        entry
        for path in sorted((HERE / "mutants").glob("*.toml"))
        for entry in tomllib.loads(path.read_text())["mutant"]
    ]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


class Tree:
    """A build folder of the emulator, up to date with this checkout."""

    def __init__(self, objects: Path) -> None:
        self.objects = objects
        target = build.BINARY
        listing = subprocess.run(
            ["ninja", "-t", "commands", target],
            cwd=objects,
            capture_output=True,
            text=True,
            check=True,
        )
        self.commands = listing.stdout.splitlines()

    def source(self, mutant: Mutant) -> str:
        """Return the text of the file that the mutant changes."""
        if mutant.file.startswith("qemu:"):
            command = self._compile_command(mutant.in_qemu())
            return (self.objects / command[-1]).read_text()
        return (EMULATOR / mutant.file).read_text()

    def mutated(self, mutant: Mutant) -> str:
        """Return the text of the file with the mutant in it; the edit must fit in exactly one place."""
        text = self.source(mutant)
        assert text.count(mutant.old) == 1, (
            f"{mutant.name}: the text to replace is in {mutant.file} {text.count(mutant.old)} times"
        )
        return text.replace(mutant.old, mutant.new)

    def build(self, mutant: Mutant, folder: Path) -> Path:
        """Return the mutant's emulator, made in ``folder``."""
        changed = folder / Path(mutant.file).name
        changed.write_text(self.mutated(mutant))
        compiled = folder / "changed.o"
        command = self._compile_command(mutant.in_qemu())
        original, usual_object = command[-1], command[command.index("-o") + 1]
        command[-1] = str(changed)
        command[command.index("-o") + 1] = str(compiled)
        command[command.index("-MF") + 1] = str(folder / "changed.d")
        # the file's own folder comes first for #include "...", and warnings of dead code are expected
        home = str(Path(original).parent)
        self._run([*command, "-iquote", home, "-iquote", f"{home}/..", "-Wno-error"], mutant)
        binary = folder / build.BINARY
        link = shlex.split(self.commands[-1])
        link[link.index("-o") + 1] = str(binary)
        assert usual_object in link, f"{usual_object} is not linked directly"
        link[link.index(usual_object)] = str(compiled)
        self._run(link, mutant)
        return binary

    def _compile_command(self, path: str) -> list[str]:
        found = [line for line in self.commands if line.endswith(f"/{path}")]
        assert len(found) == 1, f"{len(found)} commands compile {path}"
        return shlex.split(found[0])

    def _run(self, command: list[str], mutant: Mutant) -> None:
        done = subprocess.run(
            command, cwd=self.objects, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{mutant.name} does not compile:\n{done.stderr[-3000:]}"


@cache
def tree() -> Tree:
    """Return the tree in which the emulator is built, up to date with this checkout."""
    named = os.environ.get(OVERRIDE)
    if named:
        return Tree(Path(named))
    return Tree(build.objects())


def run_tests(tests: tuple[str, ...], emulator: Path) -> subprocess.CompletedProcess[str]:
    """Run tests of this folder on an emulator, up to the first that fails."""
    return subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-x",
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
            ),
            *(str(HERE / test) for test in tests),
        ],
        cwd=HERE.parents[1],
        env=os.environ | {"ACCEPTLAB_EMULATOR": str(emulator), "ACCEPTLAB_TIME_LIMIT": "8"},
        capture_output=True,
        text=True,
        check=False,
    )
