# SPDX-License-Identifier: GPL-2.0-only
"""Real boots of Debian's kernels, by the command that users have. They need `make setup` and share its cache."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest

from acceptlab.toolkit.whole_files import locked
from tests.session_folder import session_folder

_MEMINFO = re.compile(r"ACCEPTLAB meminfo .*?Unaccepted=(\d+|none).* label=(\w+)")
INCONSISTENT_CPU = "feature dependency check failure"
"""Linux from 6.16 on says so of a processor that has a feature without another that it needs (cpuid-deps.c)."""
_TIME_LIMIT = 1500  # seconds of wall time, on a machine that does other things as well


@dataclass(frozen=True)
class Boot:
    """A finished run: its folder and what `acceptlab run` said."""

    folder: Path
    exit_code: int
    output: str

    @property
    def run(self) -> dict[str, Any]:
        """Return run.json."""
        record: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return record

    @property
    def verdict(self) -> dict[str, Any]:
        """Return verdict.json."""
        record: dict[str, Any] = json.loads((self.folder / "verdict.json").read_text())
        return record

    @property
    def console(self) -> str:
        """Return what the guest printed."""
        return (self.folder / "console.log").read_text(errors="replace")

    def unaccepted_kib(self, label: str) -> int | None:
        """Return the kernel's `Unaccepted:` in KiB at the start or end of the workloads, None where it has no such line."""
        values = {found[2]: found[1] for found in _MEMINFO.finditer(self.console)}
        return None if values[label] == "none" else int(values[label])


class BootGuest(Protocol):
    """Boots a guest by `acceptlab run ... --replay`; the same words give the same run, done once in a session."""

    def __call__(self, *words: str, again: int = 0) -> Boot: ...


@pytest.fixture(scope="session")
def boot(tmp_path_factory: pytest.TempPathFactory) -> BootGuest:
    """Return the function that boots guests; `again` tells repetitions of the same words apart."""

    home = session_folder(tmp_path_factory, "boots")

    @cache
    def run(*words: str, again: int = 0) -> Boot:
        folder = home / hashlib.sha256(repr((words, again)).encode()).hexdigest()[:16]
        with locked(folder.with_suffix(".lock")):
            done = folder.with_suffix(".json")
            if not done.is_file():
                boot_into(folder, words, done)
            return Boot(folder, **json.loads(done.read_text()))

    return run


def boot_into(folder: Path, words: Sequence[str], done: Path) -> None:
    """Boot a guest into a run folder, and write to `done` what Boot has to know besides the folder."""
    shutil.rmtree(folder, ignore_errors=True)  # of a worker that died in it
    command = [sys.executable, "-m", "acceptlab.toolkit", "run", *words, "--replay"]
    command += ["--time-limit", str(_TIME_LIMIT), "--out", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    output = ended.stdout + ended.stderr
    assert (folder / "run.json").is_file(), output
    assert INCONSISTENT_CPU not in Boot(folder, 0, "").console, "no processor is like that"
    done.write_text(json.dumps({"exit_code": ended.returncode, "output": output}))
