# SPDX-License-Identifier: GPL-2.0-only
"""A recorded run that is booted again and halted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import RAW_DTYPE, Kind
from acceptlab.toolkit.debug.moment import Halt
from acceptlab.toolkit.debug.repeatable_run import Recorded, check_same_guest
from acceptlab.toolkit.errors import BadInputError, InterruptedByUserError, MachineError
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.run import outcome
from acceptlab.toolkit.run.emulator_command import RunFiles, with_properties
from acceptlab.toolkit.run.emulator_run import Prepared, prepare
from acceptlab.toolkit.run.follower import Follower
from acceptlab.toolkit.run.launch import Ending, Interrupted, launch

PAUSED = "paused"
"""The emulator's outcome of a guest that is halted (emulator/qemu/halt.c)."""
_COMPARED = ("clock", "gpa", "size", "result", "rip", "detail", "vcpu", "kind", "stage")

Json = dict[str, Any]


@dataclass(frozen=True)
class Halted:
    """A halted guest: the emulator's report, how many events came before, and the folder of the boot with its snapshots."""

    report: Json
    events: int
    folder: Path


def dump(again: Recorded, halt: Halt, folder: Path, peek: Sequence[int] = ()) -> Halted:
    """Boot the run again in `folder`, end it at the moment and return what the guest had come to.

    `peek`: link-time addresses of the first kernel's variables that the report is to have.

    Raises BadInputError where the moment does not come, MachineError where the boot is not the recorded one.
    """
    ready = _prepared(again, folder)
    command = with_properties(ready.command, {"halt-at": halt.at, **_peek(peek)})
    with step(f"booting {again.run.path.name} again, to {halt.title}") as progress:
        follower = Follower(progress, ready.files.console, ready.files.raw_events)
        ending = launch(command, ready.files.stderr, again.options.time_limit, follower)
    return _halted(again.run, halt, ready.files, ending)


def pause(again: Recorded, halt: Halt, folder: Path, debug: Callable[[Halted, Path], bool]) -> None:
    """Boot the run again in `folder`, stop the machine behind the moment, and call `debug` with the socket of gdb's stub.

    `folder` is the user's alone, and the socket lies in it. `debug` says whether the guest is to end. Returns when it has ended;
    raises as `dump` does.
    """
    ready = _prepared(again, folder)
    socket = folder / "gdb"
    command = with_properties(ready.command, {"halt-at": halt.at, "halt-pause": "on"})
    command += ["-gdb", f"unix:path={socket},server=on,wait=off"]
    waiter = _Waiter(ready.files, lambda: debug(_paused(again.run, halt, ready.files), socket))
    ending = launch(command, ready.files.stderr, float("inf"), waiter)
    if not waiter.called:
        _halted(again.run, halt, ready.files, ending)


class _Waiter:
    """Calls a function once, when the emulator's report of a pause is there."""

    def __init__(self, files: RunFiles, call: Callable[[], bool]) -> None:
        self._report = files.report
        self._call = call
        self.called = False

    def __call__(self, seconds: float) -> None:  # noqa: ARG002 (how long it takes does not matter)
        if not self.called and (outcome.read_report(self._report) or {}).get("outcome") == PAUSED:
            self.called = True
            if self._call():
                raise Interrupted


def _peek(addresses: Sequence[int]) -> dict[str, str]:
    """Return the emulator's property; its report names the addresses as they are written here."""
    return {"peek": ":".join(f"{one:#x}" for one in addresses)} if addresses else {}


def _prepared(again: Recorded, folder: Path) -> Prepared:
    ready = prepare(again.options, again.kernel, again.emulator, folder)
    check_same_guest(again.run, ready)
    return ready


def _halted(run: Run, halt: Halt, files: RunFiles, ending: Ending) -> Halted:
    """Return the guest that was halted; raises where it was not."""
    if ending.interrupted:
        raise InterruptedByUserError("interrupted; nothing is left of this boot")
    outcome.check_emulator(ending, files.report.is_file(), files.stderr)
    return _paused(run, halt, files)


def _paused(run: Run, halt: Halt, files: RunFiles) -> Halted:
    report = outcome.read_report(files.report) or {}
    records = _records(files.raw_events, ended=report.get("outcome") == PAUSED)
    _check_same_events(run, records)
    if report.get("outcome") != PAUSED:
        raise BadInputError(f"{run.path}: {halt.title} did not come before the guest ended")
    return Halted(report, len(records["seq"]), files.folder)


def _records(raw: Path, *, ended: bool) -> Mapping[str, Any]:
    """Return the recorded events, without the snapshot and the end that the halt itself adds."""
    records = np.fromfile(raw, RAW_DTYPE)
    if ended and len(records) and records["kind"][-1] == Kind.END:
        records = records[:-1]
        if len(records) and records["kind"][-1] == Kind.BITMAP:
            records = records[:-1]
    return {name: records[name] for name in ("seq", *_COMPARED)}


def _check_same_events(run: Run, records: Mapping[str, Any]) -> None:
    """Raise MachineError where an event is not the recorded one."""
    count = len(records["seq"])
    for batch in EventFile(run.events_path).batches(_COMPARED):
        if batch.start >= count:
            return
        part = slice(batch.start, min(count, batch.start + len(batch)))
        for name in _COMPARED:
            differs = records[name][part] != batch[name][: part.stop - part.start]
            if differs.any():
                at = batch.start + int(np.argmax(differs))
                raise MachineError(
                    f"{run.path}: this boot is not the recorded one: event #{at} has another {name}; report this as a fault"
                )
