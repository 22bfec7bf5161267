# SPDX-License-Identifier: GPL-2.0-only
"""The model as a library with one mistake in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT
from tests.model.library import HERE, MODEL, VECTORS, build_library
from tests.mutation.engine import Attempt, Mutant, UnfitError, faults_of, load, replaced, run_tests

CATCHERS = [str(path.relative_to(CHECKOUT)) for path in (*VECTORS, HERE / "test_memory_map.py")]
"""The tests that have to catch every mutant."""


class Model:
    """emulator/model, without QEMU."""

    name = "model"

    def mutants(self) -> list[Mutant]:
        """Return the mutants of the list beside this file."""
        return load(HERE / "mutants" / "model.toml")

    def misplaced(self) -> list[str]:
        """Return what is wrong with the list."""
        faults = faults_of([one.name for one in self.mutants()])
        for one in self.mutants():
            try:
                self._mutated(one)
            except UnfitError as error:
                faults.append(f"{one.name}: {error}")
        return faults

    def attempt(self, name: str, folder: Path) -> Attempt:
        """Build the mutant and run the tests. A segmentation fault is not how a mistake should show."""
        [mutant] = [one for one in self.mutants() if one.name == name]
        source = folder / "model"
        shutil.copytree(MODEL, source, ignore=shutil.ignore_patterns("build"))
        (source / mutant.file).write_text(self._mutated(mutant))
        return self._run(name, source, folder / "build")

    def unchanged(self, folder: Path) -> Attempt:
        """Run the tests on the model as it is."""
        return self._run("unchanged", MODEL, folder)

    def _mutated(self, mutant: Mutant) -> str:
        text = (MODEL / mutant.file).read_text()
        return replaced(text, mutant.old, mutant.new, mutant.file)

    def _run(self, name: str, source: Path, out: Path) -> Attempt:
        try:
            library = build_library(source, out, cflags="-O0")
        except RuntimeError as error:
            raise UnfitError(str(error)) from error
        return run_tests(name, CATCHERS, {"ACCEPTLAB_MODEL_LIBRARY": str(library)})
