# SPDX-License-Identifier: GPL-2.0-only
"""The host's attacks in a run, and their result: noticed, not noticed, or harmless."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

import numpy as np

from acceptlab.analysis.records import record
from acceptlab.analysis.run.console import Console
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import PAGE_SIZE, Attack, Kind, label

_TAKES = (
    Attack.REMAP,
    Attack.REMAP_BACK,
    Attack.ALIAS,
    Attack.REASSIGN,
    Attack.UNASSIGN,
    Attack.REMOVE_AUG,
    Attack.REMOVE,
    Attack.BLOCK,
    Attack.KEEP,
)
"""Acts that change a page under the guest; the others refuse what it asks for."""
_LEAVES = (Attack.IGNORE_UNPLUG,)
"""Acts after which everything is as it was."""
_ENDS = ("terminated", "panic", "stopped", "triple-fault")
"""Outcomes by which a guest may answer an attack."""


@record
class Attacked:
    """One attack. ``until`` is the event that undid it. ``noticed`` says by what, ``again`` that the guest accepted the new page."""

    seq: int
    act: int
    gpa: int
    size: int
    until: int | None = None
    noticed: str = ""
    again: bool = False
    is_at_plug: bool = False
    """Another page was given as the memory was plugged: the guest never accepted the one in whose place it is."""

    def words(self) -> str:
        """What the host did, in few words."""
        known = {int(one) for one in Attack}
        act = label(Attack(self.act)) if self.act in known else f"act {self.act}"
        return f"{act} at {self.gpa:#x}" if self.act in (*_TAKES, *_LEAVES) else act

    def concerns(self, gpa: int, size: int, seq: int) -> bool:
        """Whether the page of an access lies in what was attacked then."""
        start, end = self.gpa & -PAGE_SIZE, self.gpa + max(self.size, 1)
        inside = gpa < end and start < gpa + max(size, 1)
        return inside and self.seq < seq and (self.until is None or seq < self.until)


@record
class Plugged:
    """Memory that was plugged; ``accepted`` is the first event by which the guest accepted some of it."""

    seq: int
    gpa: int
    size: int
    accepted: int | None = None


@record
class AttackLog:
    """Every attack of a run, in order, up to the current step."""

    all: list[Attacked] = field(default_factory=list)
    plugs: list[Plugged] = field(default_factory=list)

    def watch(self, batch: Batch) -> None:
        """Take in the acts of the next events."""
        self._watch_plugs(batch)
        for at in batch.of(Kind.ATTACK).tolist():
            act, gpa, seq = (int(batch[name][at]) for name in ("detail", "gpa", "seq"))
            one = Attacked(seq, act, gpa, int(batch["size"][at]))
            one.is_at_plug = act == Attack.REMAP and self._is_new(gpa, seq)
            if act != Attack.REMAP_BACK or self._undo(one):
                self.all.append(one)

    def _undo(self, back: Attacked) -> bool:
        """End the acts on a page that is back; whether that takes a page from the guest: it never had accepted the one that is back."""
        ended = [one for one in self.all if one.concerns(back.gpa, 1, back.seq)]
        for one in ended:
            one.until = back.seq
        return any(one.is_at_plug for one in ended)

    def _watch_plugs(self, batch: Batch) -> None:
        for at in batch.of(Kind.PLUG).tolist():
            self.plugs.append(Plugged(*(int(batch[name][at]) for name in ("seq", "gpa", "size"))))
        unused = [one for one in self.plugs if one.accepted is None]
        for one in unused:
            for at in batch.of(Kind.ACCEPT).tolist():
                seq, gpa = int(batch["seq"][at]), int(batch["gpa"][at])
                if one.seq < seq and one.gpa <= gpa < one.gpa + one.size:
                    one.accepted = seq
                    break

    def _is_new(self, gpa: int, seq: int) -> bool:
        """Whether the page was plugged, without anything that the host kept, and nothing there was accepted since."""
        plug = next(
            (one for one in reversed(self.plugs) if one.gpa <= gpa < one.gpa + one.size), None
        )
        if plug is None or (plug.accepted is not None and plug.accepted < seq):
            return False
        return not any(one.seq > plug.seq and one.concerns(gpa, 1, seq) for one in self.all)

    def has(self, act: Attack) -> bool:
        """Whether there was an act of this kind up to here."""
        return any(one.act == act for one in self.all)

    def of(self, batch: Batch, at: int) -> Attacked | None:
        """The act that an event at one position may come of: on its page, before it."""
        if not self.all:
            return None
        gpa, size, seq = (int(batch[name][at]) for name in ("gpa", "size", "seq"))
        taking = (one for one in reversed(self.all) if one.act in _TAKES)
        return next((one for one in taking if one.concerns(gpa, size, seq)), None)

    def without_noticed(self, batch: Batch, positions: Any, how: str) -> Any:
        """Positions of events that do not come of an attack; the attacks of the others are noticed, by ``how``."""
        if not self.all:
            return positions
        left = []
        for at in positions.tolist():
            attack = self.of(batch, at)
            if attack is None:
                left.append(at)
            else:
                attack.noticed = attack.noticed or how
        return np.array(left, positions.dtype)

    def note_console(self, console: Console) -> None:
        """Take from the kernel's messages which acts it noticed."""
        for one in self.all if console.eject_failed else ():
            if one.act == Attack.IGNORE_UNPLUG:
                one.noticed = "a message of the kernel (Eject incomplete)"

    def answered(self, info: RunInfo) -> bool:
        """Whether an attack is why the guest ended: it noticed one, or was refused what it asked for, and ended by itself."""
        if info.outcome not in _ENDS or any(one.again for one in self.all):
            return False
        return any(one.noticed or _refused(one, info) for one in self.all if one.act not in _LEAVES)

    def lines(self, info: RunInfo) -> list[str]:
        """One line per attack, with its result."""
        return [f"Attack by the host ({one.words()}): {_came_to(one, info)}." for one in self.all]


def _refused(one: Attacked, info: RunInfo) -> bool:
    return one.act not in (*_TAKES, *_LEAVES) and info.outcome in ("terminated", "panic")


def _came_to(one: Attacked, info: RunInfo) -> str:
    if one.again:
        return "not noticed; the guest accepted the page again"
    if one.noticed:
        return f"noticed by {one.noticed}"
    if _refused(one, info):
        return f"noticed by the refusal; the guest ended ({info.outcome})"
    if info.outcome == "userspace":
        return "harmless; the guest ran to completion"
    return "not known whether the guest noticed"


def not_done(info: RunInfo, log: AttackLog) -> list[str]:
    """Why a run with acts of the host's says nothing about them: a line for each that did not take place."""
    return _attacks_not_done(info, log) + _steps_not_taken(info)


def _attacks_not_done(info: RunInfo, log: AttackLog) -> list[str]:
    told: Any = info.other.get("attacks_done")
    if isinstance(told, list):
        return [
            _line(str(one.get("text", "?"))) for one in _objects(told) if not one.get("took_place")
        ]
    if info.source == "emulator" and not log.all and info.events.complete:
        return [_line(text) for text in info.attacks]
    return []


def _steps_not_taken(info: RunInfo) -> list[str]:
    """A line for each step of the host's with memory that could not be taken."""
    steps: Any = (info.report or {}).get("hotplug")
    return [
        f"The step '{one.get('text', '?')}' of --hotplug did not take place."
        for one in (_objects(steps) if isinstance(steps, list) else ())
        if not one.get("took_place")
    ]


def _objects(values: Iterable[Any]) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)]


def _line(text: str) -> str:
    return f"The attack '{text}' did not take place, so the guest's response is not known."
