# SPDX-License-Identifier: GPL-2.0-only
"""Guests in whose traces every invariant holds, and the judge's verdict on their traces when those are falsified."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Status, Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import EventsInfo, Probe
from acceptlab.analysis.trace.event_writer import EventWriter
from acceptlab.analysis.trace.schema import Kind
from tests.analysis.synthetic import MIB, Guest, Layout, Records
from tests.mutation.traces.lives import LOCK, Lives

PROBES = ("_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore", "unaccepted_memory_lock")
LAYOUT = Layout(low=32 * MIB, top=96 * MIB)
_SMALL = Layout(low=LAYOUT.low, top=LAYOUT.low + 16 * MIB)
"""Of guests that accept all of it page by page: each unit is as the next."""


@cache
def clean_guest(platform: str, backing: str, accept: str) -> Guest:
    """A guest in whose trace every invariant holds, I8 included; its last block is accepted in userspace. Not to be changed."""
    layout = _SMALL if (backing, accept) == ("4K", "eager") else LAYOUT
    guest = Guest(platform, accept, backing, layout=layout, probes=PROBES)
    guest.boot()
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=0)
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=1)
    guest.work()
    guest.end()
    return guest


@cache
def clean_lives(platform: str, backing: str, accept: str) -> Lives:
    """The lives of the pages of a clean guest. Not to be changed."""
    guest = clean_guest(platform, backing, accept)
    return Lives(guest, guest.records())


class Trial:
    """Judges traces of one guest: everything but the events stays as it is."""

    def __init__(self, guest: Guest, folder: Path) -> None:
        probes = tuple(Probe(name, LOCK) for name in PROBES)
        self.guest = guest
        self._run = Run.open(guest.write(folder / "run", probes=probes))

    def verdict(self, records: Records) -> Verdict | None:
        """The verdict, or None when the trace is refused as damaged."""
        with EventWriter(self._run.events_path) as writer:
            writer.write(records)
            events = writer.finish(None)
        about = EventsInfo(events.events, True, None, events.sha256)
        try:
            return judge(Run(self._run.path, replace(self._run.info, events=about)))
        except BadInput:
            return None


def held(verdict: Verdict) -> set[str]:
    return {one.name for one in verdict.invariants if one.status == Status.HOLDS}


def suspected(verdict: Verdict) -> set[str]:
    """The invariants that are broken, or look broken in a trace that contradicts itself."""
    looks = {one.split(":")[0] for one in verdict.reasons if ": Possibly broken" in one}
    return looks | {one.name for one in verdict.invariants if one.status == Status.BROKEN}
