# SPDX-License-Identifier: GPL-2.0-only
"""Emulators that lack one check each: one object file compiled anew, and the link; the build tree stays as it is."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.qemu import emulator_build as build
from tests.mutation.engine import (
    Attempt,
    Mutant,
    UnfitError,
    faults_of,
    load,
    lost_tests,
    replaced,
    run_tests,
)

HERE = Path(__file__).resolve().parent
OVERRIDE = "ACCEPTLAB_BUILD_TREE"
_QEMU = "qemu:"
_OUR_FOLDER = "target/i386/acceptlab"
"""Where our files lie in QEMU's source (the contents of emulator/qemu, with emulator/model beside them)."""
_TIME_LIMIT = "8"
"""Seconds that a guest gets: emulators that hang are met with less patience than usual."""


def path_in_qemu(mutant: Mutant) -> str:
    """Return the path in QEMU's source of the file that the mutant changes."""
    if mutant.file.startswith(_QEMU):
        return mutant.file.removeprefix(_QEMU)
    return f"{_OUR_FOLDER}/{mutant.file.removeprefix('qemu/')}"


class BuildTree:
    """A build folder of the emulator, up to date with this checkout."""

    def __init__(self, objects: Path) -> None:
        self.objects = objects
        self.commands = self._ninja("commands", build.BINARY).splitlines()

    def _ninja(self, tool: str, *words: str) -> str:
        """Return what one of ninja's tools prints."""
        command = ["ninja", "-t", tool, *words]
        done = subprocess.run(command, cwd=self.objects, capture_output=True, text=True, check=True)
        return done.stdout

    def compile_command(self, path: str) -> list[str]:
        """Return the command that compiles a file of QEMU's source."""
        found = [line for line in self.commands if line.endswith(f"/{path}")]
        if len(found) != 1:
            raise UnfitError(f"{len(found)} commands compile {path}")
        return shlex.split(found[0])

    def link_command(self) -> list[str]:
        """Return the command that links the emulator, with the words of its response file."""
        links = json.loads(self._ninja("compdb", "-x", "c_LINKER_RSP"))
        [command] = [one["command"] for one in links if one["output"] == build.BINARY]
        return shlex.split(command)

    def run(self, command: list[str]) -> None:
        """Run a command of the build. Raises UnfitError when it fails."""
        done = subprocess.run(
            command, cwd=self.objects, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UnfitError(f"it does not compile:\n{done.stderr[-3000:]}")


class Emulator:
    """The emulator: our files, and what our hooks put into QEMU's."""

    name = "emulator"

    @cached_property
    def tree(self) -> BuildTree:
        """Return the tree that OVERRIDE names, or the one in which the emulator of this checkout is built."""
        named = os.environ.get(OVERRIDE)
        if named:
            return BuildTree(Path(named))
        with build.objects() as folder:
            return BuildTree(folder)

    def mutants(self) -> list[Mutant]:
        """Return the mutants of the lists beside this file."""
        return load(*sorted(HERE.glob("*.toml")))

    def misplaced(self, ours: bool = False) -> list[str]:
        """Return what is wrong with the lists; with `ours`, only as far as this checkout alone shows it."""
        mutants = self.mutants()
        faults = faults_of([one.name for one in mutants])
        for one in mutants:
            if ours and one.file.startswith(_QEMU):
                continue
            try:
                self.mutated(one)
            except UnfitError as error:
                faults.append(f"{one.name}: {error}")
        return faults + lost_tests(sorted({test for one in mutants for test in _tests(one)}))

    def mutated(self, mutant: Mutant) -> str:
        """Return the text of the file with the mutant in it."""
        if mutant.file.startswith(_QEMU):
            path = self.tree.objects / self.tree.compile_command(path_in_qemu(mutant))[-1]
        else:
            path = CHECKOUT / "emulator" / mutant.file
        return replaced(path.read_text(), mutant.old, mutant.new, mutant.file)

    def attempt(self, name: str, folder: Path) -> Attempt:
        """Build the mutant and run its tests."""
        [mutant] = [one for one in self.mutants() if one.name == name]
        return self._run(name, _tests(mutant), self.build(mutant, folder))

    def unchanged(self, folder: Path) -> Attempt:
        """Run the tests of all mutants on the emulator as it is."""
        tests = sorted({test for one in self.mutants() for test in _tests(one)})
        return self._run("unchanged", tests, self.tree.objects / build.BINARY)

    def _run(self, name: str, tests: list[str], binary: Path) -> Attempt:
        named = {"ACCEPTLAB_EMULATOR": str(binary), "ACCEPTLAB_TIME_LIMIT": _TIME_LIMIT}
        return run_tests(name, tests, named)

    def build(self, mutant: Mutant, folder: Path) -> Path:
        """Build the mutant in a folder and return its binary; other checkouts build in that tree as well, so that it is brought up to date first."""
        _ = self.tree  # which takes the lock of the build tree for itself
        with nullcontext() if os.environ.get(OVERRIDE) else build.objects():
            return self._compile(mutant, folder)

    def _compile(self, mutant: Mutant, folder: Path) -> Path:
        changed, compiled = folder / Path(mutant.file).name, folder / "changed.o"
        changed.write_text(self.mutated(mutant))
        command = self.tree.compile_command(path_in_qemu(mutant))
        home, usual_object = str(Path(command[-1]).parent), command[command.index("-o") + 1]
        command[-1] = str(changed)
        command[command.index("-o") + 1] = str(compiled)
        command[command.index("-MF") + 1] = str(folder / "changed.d")
        # the file's own folder comes first for #include "...", and warnings of dead code are expected
        self.tree.run([*command, "-iquote", home, "-iquote", f"{home}/..", "-Wno-error"])
        binary = folder / build.BINARY
        link = self.tree.link_command()
        if usual_object not in link:
            raise UnfitError(f"{usual_object} is not linked directly")
        link[link.index("-o") + 1] = str(binary)
        link[link.index(usual_object)] = str(compiled)
        self.tree.run(link)
        return binary


def _tests(mutant: Mutant) -> list[str]:
    return [f"tests/emulator/{test}" for test in mutant.tests]
