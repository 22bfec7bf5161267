# SPDX-License-Identifier: GPL-2.0-only
"""Guests that are saved in the middle of a run: what a run goes on from in place of a boot.

A saved guest is a folder: `ram` the guest's memory, `state` the rest of the machine with page states and events (QEMU's migration
stream, emulator/qemu/vmstate.c), `console.log` and `bitmap/` what the run had left until then, and saved.json. A run that goes on
from it maps `ram` privately, and reads of it only what the guest touches.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError, InterruptedByUserError, MachineError
from acceptlab.toolkit.run import outcome
from acceptlab.toolkit.run.emulator_command import RunFiles, with_properties
from acceptlab.toolkit.run.launch import EndRun, launch
from acceptlab.toolkit.run.qmp import Monitor
from acceptlab.toolkit.whole_files import write_whole

RECORD = "saved.json"
_RAM = "memory-backend-ram,"
_SAME_STATE = ("-global", "migration.store-global-state=off")
"""A guest is saved while it is stopped, and has to run where it is loaded."""


@dataclass(frozen=True)
class Identity:
    """What a saved guest was booted with. The emulator compares boot handoff, host, seed, probes and symbols itself."""

    emulator: str
    kernel: str
    initrd: str
    command_line: str


@dataclass(frozen=True)
class SavedGuest:
    """One saved guest. `clock` is the guest's clock there, in instructions."""

    folder: Path
    clock: int


def read(folder: Path, wanted: Identity) -> SavedGuest:
    """Return the saved guest of a folder. Raises BadInputError where there is none, or one that was booted with something else."""
    try:
        record = json.loads((folder / RECORD).read_text())
        there, clock = Identity(**record["identity"]), int(record["clock"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInputError(f"{folder}: not a saved guest") from None
    for name, value in asdict(wanted).items():
        if asdict(there)[name] != value:
            raise BadInputError(f"{folder}: a saved guest with another {name.replace('_', ' ')}")
    return SavedGuest(folder, clock)


def loading(command: Sequence[str], saved: SavedGuest) -> list[str]:
    """Return the emulator's command that goes on from a saved guest in place of a boot."""
    words = [_console_goes_on(word) for word in _with_ram(command, saved.folder / "ram", "off")]
    return [*words, "-incoming", f"file:{saved.folder / 'state'}", *_SAME_STATE]


def take_over(saved: SavedGuest, files: RunFiles) -> None:
    """Put what the run had left when the guest was saved into the folder of a run that goes on from it."""
    shutil.copytree(saved.folder / "bitmap", files.snapshots, dirs_exist_ok=True)
    shutil.copyfile(saved.folder / "console.log", files.console)


def save(
    command: Sequence[str],
    files: RunFiles,
    identity: Identity,
    clocks: Sequence[int],
    into: Path,
    time_limit: float,
) -> list[SavedGuest]:
    """Boot a guest and save it at the first end of a round of turns at or after each clock (instructions, ascending).

    The saved guests are folders of `into`; the boot ends after the last. A guest that ends before leaves fewer. Raises
    MachineError where the emulator fails.
    """
    saver = _Saver(files, identity, into, len(clocks))
    moments = ":".join(str(clock) for clock in clocks)
    words = with_properties(list(command), {"halt-at": f"round:{moments}", "halt-pause": "on"})
    words = _with_ram(words, saver.ram, "on")
    words += ["-qmp", f"unix:path={saver.socket},server=on,wait=off"]
    words += [*_SAME_STATE, "-global", "migration.x-events=on"]
    saver.ram.touch()
    try:
        ending = launch(words, files.stderr, time_limit, saver)
    finally:
        saver.ram.unlink(missing_ok=True)
    if ending.interrupted:
        raise InterruptedByUserError("interrupted; what was saved is left in place")
    if not ending.ended:
        outcome.check_emulator(ending, files.report.is_file(), files.stderr)
    return saver.saved


class _Saver:
    """Saves the guest whenever the machine has stopped, and lets it go on."""

    def __init__(self, files: RunFiles, identity: Identity, into: Path, wanted: int) -> None:
        self.ram = into / "ram"
        self.socket = files.folder / "qmp"
        self.saved: list[SavedGuest] = []
        self._files = files
        self._identity = identity
        self._into = into
        self._wanted = wanted
        self._monitor: Monitor | None = None

    def __call__(self, seconds: float) -> None:  # noqa: ARG002 (how long it takes does not matter)
        if self._monitor is None:
            with contextlib.suppress(ConnectionError, FileNotFoundError):
                self._monitor = Monitor(self.socket)
            return
        if (outcome.read_report(self._files.report) or {}).get("outcome") != "paused":
            return
        self._monitor.wait_for("STOP")
        report = outcome.read_report(self._files.report) or {}
        self._save(self._monitor, int(report["instructions"]))
        if len(self.saved) == self._wanted:
            self._monitor.close()
            raise EndRun("saved")
        self._files.report.unlink()
        self._monitor.command("cont")

    def _save(self, monitor: Monitor, clock: int) -> None:
        folder = self._into / f"{clock:015d}"
        folder.mkdir()
        monitor.command("migrate", uri=f"file:{folder / 'state'}")
        monitor.wait_for("MIGRATION", status="completed")
        copy_sparse(self.ram, folder / "ram")
        shutil.copytree(self._files.snapshots, folder / "bitmap")
        shutil.copyfile(self._files.console, folder / "console.log")
        record = {"format": 1, "clock": clock, "identity": asdict(self._identity)}
        write_whole(folder / RECORD, json.dumps(record, indent=2) + "\n")
        self.saved.append(SavedGuest(folder, clock))


def copy_sparse(source: Path, to: Path) -> None:
    """Copy a file without its holes. Raises MachineError where the disk is full."""
    try:
        with source.open("rb") as one, to.open("wb") as other:
            size = os.fstat(one.fileno()).st_size
            other.truncate(size)
            at = 0
            while at < size:
                try:
                    at = os.lseek(one.fileno(), at, os.SEEK_DATA)
                except OSError:  # ENXIO: a hole up to the end (lseek(2))
                    return
                end = os.lseek(one.fileno(), at, os.SEEK_HOLE)
                while at < end:
                    done = os.copy_file_range(one.fileno(), other.fileno(), end - at, at, at)
                    at += done
    except OSError as error:
        raise MachineError(f"{to}: {error.strerror}") from error


def _with_ram(command: Sequence[str], file: Path, share: str) -> list[str]:
    """Return the command with the guest's RAM in a file: shared, or (`off`) a private copy of what is in it."""
    words = []
    for word in command:
        if word.startswith(_RAM):
            kept = [part for part in word.split(",") if part.startswith(("id=", "size="))]
            where = f"mem-path={str(file).replace(',', ',,')},share={share}"
            private = ",readonly=on,rom=off" if share == "off" else ""
            word = f"memory-backend-file,{','.join(kept)},{where}{private}"
        words.append(word)
    return words


def _console_goes_on(word: str) -> str:
    return f"{word},append=on" if word.startswith("file,id=con,") else word
