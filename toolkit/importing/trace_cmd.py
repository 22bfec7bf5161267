# SPDX-License-Identifier: GPL-2.0-only
"""trace.dat: `trace-cmd report` makes it text, and the ftrace reader reads that."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from acceptlab.analysis.readers import ftrace, trace_dat, trace_dat_repair, trace_dat_repair_6
from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.conversion import Imported, read_once
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.ordered import OutOfOrder
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.processes import die_with_parent

FORMAT = "trace-dat"
_COPIED = 1 << 20


def import_trace_dat(source: Opened, parquet: Path) -> Imported:
    """Read a trace.dat into ``parquet``; a compressed one is unpacked beside it first.

    A file that breaks off is imported up to there. Raises MachineError when trace-cmd is missing.
    """
    if shutil.which("trace-cmd") is None:
        raise MachineError(
            "trace-cmd is missing (needed to read trace.dat): install the package trace-cmd"
        )
    if source.compression is None:
        return _import(source.path, None, parquet)
    with tempfile.NamedTemporaryFile(dir=parquet.parent, suffix=".dat") as plain:
        damage = None
        try:
            while data := source.read(_COPIED):
                plain.write(data)
        except Damaged as error:
            damage = str(error)
        plain.flush()
        return _import(Path(plain.name), damage, parquet)


def _import(path: Path, damage: str | None, parquet: Path) -> Imported:
    try:
        trace_dat.check(path)
    except Damaged as error:
        return _import_broken(path, damage or str(error), parquet)
    return _import_report(path, damage, parquet)


def _import_broken(path: Path, damage: str, parquet: Path) -> Imported:
    """Read a repaired copy of a truncated file; if it cannot be repaired, what trace-cmd itself finds."""
    repair = trace_dat_repair.repair if trace_dat_repair.is_for(path) else trace_dat_repair_6.repair
    with tempfile.NamedTemporaryFile(dir=parquet.parent, suffix=".dat") as copy:
        try:
            repair(path, Path(copy.name))
        except Damaged as error:
            return _import_report(path, f"{damage} ({error})", parquet)
        return _import_report(Path(copy.name), damage, parquet)


def _import_report(path: Path, damage: str | None, parquet: Path) -> Imported:
    """Read what trace-cmd reports; once more, and sorted, where that is not in order of time."""
    try:
        return _read_report(path, damage, parquet, sort=False)
    except OutOfOrder:
        return _read_report(path, damage, parquet, sort=True)


def _read_report(path: Path, damage: str | None, parquet: Path, *, sort: bool) -> Imported:
    with tempfile.TemporaryFile() as errors, _report(path, errors) as process:
        text = Opened(path, file=cast(BinaryIO, process.stdout))
        with text:
            return read_once(text, _Reported(process, errors, damage), parquet, sort=sort)


@contextlib.contextmanager
def _report(path: Path, errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """`trace-cmd report` while it runs; it is gone afterwards, whatever happens."""
    process = subprocess.Popen(
        ["trace-cmd", "report", "-N", "-t", "-i", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        preexec_fn=die_with_parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class _Reported:
    """Reads what a `trace-cmd report` prints; whether that is everything, file and process tell."""

    def __init__(
        self, process: subprocess.Popen[bytes], errors: IO[bytes], damage: str | None
    ) -> None:
        self._process = process
        self._errors = errors
        self._damage = damage

    def recognises(self, head: bytes) -> bool:
        """Whether this is a trace.dat."""
        return head.startswith(trace_dat.MAGIC)

    def read(self, source: Opened, recorder: Recorder) -> None:
        """Hand every event to the recorder. Raises Damaged when the file, or trace-cmd, did not come to its end."""
        try:
            ftrace.read_report(source, recorder)
        except Damaged as error:
            self._damage = self._damage or f"trace-cmd's report, {error}"
        if self._damage is None and self._process.wait():
            self._errors.seek(0)
            lines = self._errors.read(1 << 16).decode("utf-8", "replace").split("\n")
            said = next((line.strip() for line in lines if line.strip()), "nothing")
            self._damage = f"trace-cmd report failed ({self._process.returncode}): {said}"
        if self._damage is not None:
            raise Damaged(self._damage)
