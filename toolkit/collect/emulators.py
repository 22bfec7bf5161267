# SPDX-License-Identifier: GPL-2.0-only
"""Emulators that are running now: found by process id or by the folder of their run, and what their command line tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.processes import state_of

_PROC = Path("/proc")
_BY_OBJECT = {one.emulator_object: name for name, one in PLATFORMS.items() if one.is_confidential}


@dataclass(frozen=True)
class LiveEmulator:
    """A running emulator. ``folder`` is that of the run that it belongs to, if its command line tells; ``memory`` in bytes."""

    pid: int
    binary: Path
    platform: str
    memory: int
    cpus: int
    clock: str
    folder: Path | None

    @property
    def is_held(self) -> bool:
        """Return whether it is stopped (SIGSTOP), as `run --hold` leaves it before its first event."""
        return state_of(self.pid) == "T"


def find(text: str) -> LiveEmulator:
    """Return the emulator that a process id or the folder of a run names. Raises BadInputError when none is running there."""
    if text.isascii() and text.isdigit():
        return of_pid(int(text))
    return of_run(Path(text))


def of_pid(pid: int) -> LiveEmulator:
    """Return the emulator of a process. Raises BadInputError when there is no such process, or it is none of acceptlab's."""
    words = _words(pid)
    if words is None:
        raise BadInputError(f"no process {pid}: give the process id of a running emulator")
    found = _describe(pid, words)
    if found is None:
        raise BadInputError(f"process {pid} is not an acceptlab emulator with an SNP or TDX guest")
    return found


def of_run(folder: Path) -> LiveEmulator:
    """Return the emulator that writes into the folder of a run. Raises BadInputError when none does."""
    for emulator in running():
        if emulator.folder is not None and emulator.folder == folder.resolve():
            return emulator
    raise BadInputError(
        f"no running emulator writes to {folder}: start one with acceptlab run ... --hold --out {folder}"
    )


def running() -> Iterator[LiveEmulator]:
    """Yield every emulator of this machine that has a confidential guest of ours."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            words = _words(int(entry.name))
            found = _describe(int(entry.name), words) if words else None
            if found is not None:
                yield found


def _words(pid: int) -> list[str] | None:
    """Return a process's command line, None when there is no such process."""
    try:
        content = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    return content.decode(errors="surrogateescape").split("\0")[:-1]


def _describe(pid: int, words: list[str]) -> LiveEmulator | None:
    """Parse the command line of an emulator; None for another program."""
    guest = next(
        (word for word in _values(words, "-object") if word.partition(",")[0] in _BY_OBJECT), None
    )
    if guest is None:
        return None
    try:
        binary = (_PROC / str(pid) / "exe").readlink()
    except OSError:
        return None
    report = _properties(guest).get("report")
    return LiveEmulator(
        pid=pid,
        binary=binary,
        platform=_BY_OBJECT[guest.partition(",")[0]],
        memory=int(re.sub(r"\D", "", next(_values(words, "-m"), "0")) or 0),
        cpus=int(re.sub(r"\D.*", "", next(_values(words, "-smp"), "1")) or 1),
        clock="instructions" if any(_values(words, "-icount")) else "ns",
        folder=Path(report).parent if report else None,
    )


def _values(words: list[str], option: str) -> Iterator[str]:
    return (value for name, value in pairwise(words) if name == option)


def _properties(text: str) -> dict[str, str]:
    """Take a QEMU option apart: `name=value` after commas, a doubled comma being one of the value's own."""
    parts = re.findall(r"(?:[^,]|,,)+", text)
    pairs = (part.replace(",,", ",").partition("=") for part in parts[1:])
    return {name: value for name, _, value in pairs}
