# SPDX-License-Identifier: GPL-2.0-only
"""console.log of an imported run: what the guest printed, so that the verdict knows of an oops or an OOM kill beside the entries."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.run.console import MOST_CONSOLE


class ConsoleLog:
    """Takes lines, and writes a file once there is one; a line that passes the bound of a console.log is left out, and ``is_cut`` says so.

    Raises BadInput when the file cannot be written.
    """

    def __init__(self, path: Path, most: int = MOST_CONSOLE) -> None:
        self._path = path
        self._left = most
        self._file: TextIO | None = None
        self.is_cut = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def write(self, line: str) -> None:
        """Append a line, given without its end."""
        self._left -= len(line.encode()) + 1
        if self._left < 0:
            self.is_cut = True
            return
        try:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8", newline="")
            self._file.write(line + "\n")
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def _unwritable(self, problem: OSError) -> BadInput:
        return BadInput(f"cannot write {self._path}: {problem.strerror or problem}")
