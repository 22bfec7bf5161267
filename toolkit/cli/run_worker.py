# SPDX-License-Identifier: GPL-2.0-only
"""`python -m acceptlab.toolkit.cli.run_worker`: makes the runs that its standard input names, one after the other, and judges each.

A line of input is JSON: `run`, the shell line of a run; `from_saved`, the saved guest that it goes on from, "" for a boot; `folder`. The
answer is a line of JSON: the run's record (toolkit/runs/run_record.py), or `error` and `exit_code`. It ends with its input, and
after an interrupted run.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from acceptlab.toolkit.cli.error_lines import ended_by
from acceptlab.toolkit.cli.library_start import start_lightly
from acceptlab.toolkit.errors import InterruptedByUserError
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.emulator_run import Finished, perform
from acceptlab.toolkit.run.materials import SharedMaterials
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import judges


class _Maker:
    """Makes runs, and keeps what they share."""

    def __init__(self) -> None:
        self._kernels: dict[str, Kernel] = {}
        self._shared = SharedMaterials()
        self._emulator: Emulator | None = None
        self._judge = judges()

    def make(self, words: dict[str, str]) -> dict[str, Any]:
        """Make one run, judge it and return its record."""
        options = replace(RunOptions.of_line(words["run"]), from_saved=words["from_saved"])
        folder = Path(words["folder"])
        finished = self._perform(options, folder)
        if finished.interrupted:
            raise InterruptedByUserError(f"interrupted; the partial run is in {folder}")
        from acceptlab.toolkit.runs.run_record import record_of  # need not be there for the boot

        return record_of(folder, self._judge)

    def _perform(self, options: RunOptions, folder: Path) -> Finished:
        kernel = self._kernels.get(options.kernel)
        if kernel is None:
            kernel = self._kernels[options.kernel] = resolve(options.kernel)
        if options.hardware:
            from acceptlab.toolkit.hardware.host import Host  # loads all readers of traces

            return Host().perform(options, kernel, folder)
        self._emulator = self._emulator or emulator_build.ensure()
        return perform(options, kernel, self._emulator, folder, False, shared=self._shared)


def main() -> None:
    """Answer every line of standard input."""
    start_lightly()
    answers, sys.stdout = sys.stdout, sys.stderr
    maker = None
    for line in sys.stdin:
        try:
            maker = maker or _Maker()
            answer = maker.make(json.loads(line))
        except BaseException as error:
            ending = ended_by(error)
            if ending is None:
                raise
            answer = {"error": " ".join(ending[0].split()), "exit_code": ending[1]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if answer.get("exit_code") == InterruptedByUserError.exit_code:
            return


if __name__ == "__main__":
    main()
