# SPDX-License-Identifier: GPL-2.0-only
"""analysis/ with one mistake in it: a package `acceptlab` of its own, with links to everything else."""

from __future__ import annotations

import shutil
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT
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


class Analysis:
    """What judges: analysis/."""

    name = "analysis"

    def mutants(self) -> list[Mutant]:
        """Return the mutants of the lists beside this file."""
        return load(*sorted(HERE.glob("*.toml")))

    def misplaced(self) -> list[str]:
        """Return what is wrong with the lists."""
        mutants = self.mutants()
        faults = faults_of([one.name for one in mutants])
        for one in mutants:
            try:
                compile(self._mutated(one), one.file, "exec")
            except (UnfitError, SyntaxError) as error:
                faults.append(f"{one.name}: {error}")
            if not one.tests:
                faults.append(f"{one.name}: no test has to catch it")
        return faults + lost_tests(sorted({test for one in mutants for test in _tests(one)}))

    def attempt(self, name: str, folder: Path) -> Attempt:
        """Make the mutant and run its tests."""
        [mutant] = [one for one in self.mutants() if one.name == name]
        package = _package(folder)
        (package / "analysis" / mutant.file).write_text(self._mutated(mutant))
        return _run(name, _tests(mutant), folder)

    def unchanged(self, folder: Path) -> Attempt:
        """Run the tests of all mutants on a package without a mistake."""
        _package(folder)
        return _run(
            "unchanged", sorted({test for m in self.mutants() for test in _tests(m)}), folder
        )

    def _mutated(self, mutant: Mutant) -> str:
        text = (CHECKOUT / "analysis" / mutant.file).read_text()
        return replaced(text, mutant.old, mutant.new, mutant.file)


def _package(folder: Path) -> Path:
    package = folder / "acceptlab"
    package.mkdir()
    for entry in CHECKOUT.iterdir():
        if entry.name != "analysis":
            (package / entry.name).symlink_to(entry)
    shutil.copytree(
        CHECKOUT / "analysis", package / "analysis", ignore=shutil.ignore_patterns("__pycache__")
    )
    return package


def _run(name: str, tests: list[str], imports: Path) -> Attempt:
    """The mutant comes first, both in pytest's process and in those that its tests start."""
    path = {"PYTHONPATH": f"{imports}:{CHECKOUT}", "PYTHONDONTWRITEBYTECODE": "1"}
    return run_tests(name, tests, path, "-o", f"pythonpath={imports} {CHECKOUT}")


def _tests(mutant: Mutant) -> list[str]:
    return [f"tests/analysis/{test}" for test in mutant.tests]
