# SPDX-License-Identifier: GPL-2.0-only
"""The conformance guests: built by their own Makefile, and booted as anybody boots a kernel."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from acceptlab.analysis.run.console import read_console
from acceptlab.analysis.run.ktap import KtapResults
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.qemu import bases
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run import emulator_run
from acceptlab.toolkit.run.options import RunOptions

SOURCES = CHECKOUT / "tests" / "conformance"


@dataclass(frozen=True)
class Conformed:
    """What came of one boot: the results by id of the row, and how the guest ended."""

    results: KtapResults
    outcome: str
    reason: str

    def outcome_of(self, ids: str) -> str:
        """Return the outcome of the one test with these ids."""
        found = [one for one in self.results.results if one.name.split(" ")[0] == ids]
        assert len(found) == 1, self.results
        return found[0].outcome

    def having(self, outcome: str) -> set[str]:
        """Return the ids of all tests with an outcome."""
        return {one.name.split(" ")[0] for one in self.results.results if one.outcome == outcome}


def build(folder: Path) -> None:
    """Build the guests of both platforms into a folder, with warnings as errors."""
    made = ["make", "--silent", "-C", str(SOURCES), f"O={folder}", "all"]
    done = subprocess.run(made, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def boot(binary: Path, image: Path, folder: Path, options: RunOptions) -> Conformed:
    """Boot a guest in an emulator and return what it printed."""
    base = {"qemu": bases.chosen().version, "debian_version": ""}
    kernel = resolve(str(image))
    done = emulator_run.perform(options, kernel, Emulator(binary, "", base), folder, False)
    tests = read_console(folder / "console.log").tests
    assert tests is not None, (folder / "console.log").read_text(errors="replace")
    outcome = json.loads((folder / "run.json").read_text())["report"]
    return Conformed(tests, outcome["outcome"], outcome["reason"] or done.outcome.reason)
