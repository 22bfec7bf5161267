# SPDX-License-Identifier: GPL-2.0-only
"""Collect a live emulator's events by eBPF on its USDT probes into a run folder of their own."""

from __future__ import annotations

import os
import select
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import EventsInfo
from acceptlab.analysis.trace.event_writer import StreamSummary
from acceptlab.analysis.trace.schema import RAW_DTYPE
from acceptlab.toolkit.collect import collect_record
from acceptlab.toolkit.collect.emulators import LiveEmulator
from acceptlab.toolkit.collect.spool import Spool
from acceptlab.toolkit.collect.symbol_names import names_of
from acceptlab.toolkit.collect.usdt_programs import Probes, attached
from acceptlab.toolkit.collect.view import Tally, View
from acceptlab.toolkit.processes import stop_requested
from acceptlab.toolkit.progress import say
from acceptlab.toolkit.run.new_folder import claimed, is_running

_POLL = 0.02
"""Seconds between two looks at the ring; at a million events a second that is 1.6 MB of it."""
PAGE = 4096


@dataclass(frozen=True)
class Collected:
    """A collection that has ended. ``problem`` says why the run is incomplete, None when it is not."""

    folder: Path
    events: int
    lost: int
    problem: str | None
    interrupted: bool


def collect(emulator: LiveEmulator, folder: Path, ring: int, reproduce: str) -> Collected:
    """Record every event of an emulator until it or the collector ends; a paused one is resumed.

    ``ring`` is the size in bytes (a power of two) of the buffer between the emulator and us. Raises MachineError when this
    machine does not let us.
    """
    folder = folder.resolve()
    with claimed(folder), stop_requested() as stop:
        spool = Spool(folder, collect_record.so_far(emulator, reproduce))
        lost = _record(emulator, spool, ring, stop)
        interrupted = stop.is_set()
        summary = spool.finish()
        first = _first_seq(spool.raw)
        problem = _problem(summary, lost, interrupted, first)
        events = EventsInfo(summary.events, problem is None, problem, summary.sha256)
        run = None if interrupted else _run_of(emulator, stop)
        spool.close(collect_record.ended(emulator, run, reproduce, events, is_late=first > 0))
        if run is not None:
            collect_record.copy_files(run, folder)
        return Collected(folder, summary.events, lost, problem, interrupted)


def _record(emulator: LiveEmulator, spool: Spool, ring: int, stop: threading.Event) -> int:
    """Attach, let the emulator go, and record until it ends or a stop is asked for; return how many events were lost."""
    received = bytearray()
    names = names_of(emulator)
    tally = Tally(names)
    ended = os.pidfd_open(emulator.pid)

    def take() -> None:
        records = bytes(received)
        received.clear()
        spool.write(records)
        taken = np.frombuffer(records, RAW_DTYPE)
        names.watch(taken)
        tally.add(taken)

    title = f"collecting from process {emulator.pid}"
    try:
        with attached(emulator.pid, ring // PAGE, received.extend) as probes:
            if emulator.is_held and not stop.is_set():
                os.kill(emulator.pid, signal.SIGCONT)
            with View(title, tally) as view:
                while not stop.is_set() and not _readable(ended, _POLL):
                    probes.drain()
                    take()
                    spool.keep_up()
                    view.update(probes.lost)
                _drain_all(probes)
                take()
            lost = probes.lost
        take()
        return lost
    finally:
        os.close(ended)


def _drain_all(probes: Probes) -> None:
    """One drain hands over what was there when it began; what came during it takes another."""
    probes.drain()
    probes.drain()


def _readable(descriptor: int, seconds: float) -> bool:
    """Wait until the process of a pidfd has ended, at most so long."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


def _run_of(emulator: LiveEmulator, stop: threading.Event) -> Run | None:
    """Return the emulator's own run, waiting for `acceptlab run` to have written it; None when it has none."""
    if emulator.folder is None:
        return None
    while is_running(emulator.folder) and not stop.wait(_POLL):
        pass
    try:
        return Run.open(emulator.folder)
    except BadInput as error:
        say(f"the run's settings are not known: {error}")
        return None


def _first_seq(raw: Path) -> int:
    first = np.fromfile(raw, RAW_DTYPE, 1)
    return int(first["seq"][0]) if len(first) else 0


def _problem(summary: StreamSummary, lost: int, interrupted: bool, first: int) -> str | None:
    """Say in a line why the events are not all there."""
    if lost:
        return f"{lost} events were lost: the buffer was full; collect again with a larger --buffer"
    if first:
        return f"the collector attached late: {first} events had passed; start the run with --hold"
    if interrupted:
        return "the collector was stopped before the emulator ended"
    return summary.problem
