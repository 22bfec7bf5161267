# SPDX-License-Identifier: GPL-2.0-only
"""What an invariant sees of a run, and how it says what it found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.attack_log import AttackLog
from acceptlab.analysis.invariants.call_waits import CallWaits
from acceptlab.analysis.invariants.verdict import EXAMINED, LISTED, InvariantResult, Status
from acceptlab.analysis.pages.page_states import Entries
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.records import record
from acceptlab.analysis.run.console import Console
from acceptlab.analysis.run.platform import Platform, platform_of
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.coverage import HANDOFF, in_words
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.gaps import END, Holes
from acceptlab.analysis.trace.schema import CallerHow, ConvertTo, Kind, label

Positions = npt.NDArray[np.intp] | npt.NDArray[np.int64]

_DECIDES = {label(one) for one in (Kind.RAM, Kind.LAUNCH, Kind.ACCEPT, Kind.RESCIND, Kind.RELEASE)}
"""Kinds of events behind which it does not matter what happened to the page before; so does a conversion to shared."""

OTHER_RIP = "other_rip"
"""In the evidence of a suspicion: the place of the other party of a collision, an address that is to be named."""
OTHER_STAGE = "other_stage"
"""The stage in which it was there, by name: it may have been that of another kernel. It only serves the name."""


@record
class Suspicion:
    """Something broken. ``events`` are seq numbers.

    ``observed``: the event alone is the evidence, whatever else is missing from the trace.
    ``by_end``: it follows from what never came after the event as well.
    ``history``, ``rip``, ``caller`` and ``caller_how`` (those of the first event) are filled in afterwards.
    """

    title: str
    explanation: str
    events: list[int]
    gpa: int | None = None
    size: int = 0
    vcpu: int | None = None
    stage: int | None = None
    rip: int | None = None
    caller: int | None = None
    caller_how: int = CallerHow.NOT_KNOWN
    clock: int | None = None
    observed: bool = False
    by_end: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def at(
        cls,
        batch: Batch,
        position: int,
        title: str,
        explanation: str,
        gpa: int | None = None,
        size: int | None = None,
    ) -> Suspicion:
        """About one event; ``gpa`` and ``size`` default to the event's."""
        return cls(
            title=title,
            explanation=explanation,
            events=[int(batch["seq"][position])],
            gpa=int(batch["gpa"][position]) if gpa is None else gpa,
            size=int(batch["size"][position]) if size is None else size,
            vcpu=int(batch["vcpu"][position]),
            stage=int(batch["stage"][position]),
            clock=int(batch["clock"][position]),
        )


class Suspects:
    """Counts suspicions of one kind and keeps the first, to examine them when events are missing."""

    def __init__(self) -> None:
        self.total = 0
        self.kept: list[Suspicion] = []

    def add(self, total: int, first: Sequence[Suspicion]) -> None:
        """``total`` more, of which ``first`` are described (any number of them)."""
        self.total += total
        self.kept.extend(first[: self.room])

    @property
    def room(self) -> int:
        """How many more will be kept."""
        return EXAMINED - len(self.kept)

    @property
    def listed(self) -> list[Suspicion]:
        """The first, which a report describes."""
        return self.kept[:LISTED]


@record
class WrongBits:
    """Units whose bits of the bitmap are wrong in some snapshot: ``early`` are clear, and ``late`` set, without cause."""

    early: set[int] = field(default_factory=set)
    late: set[int] = field(default_factory=set)


@record(frozen=True)
class Context:
    """The run around the events. ``holes`` are known once all events have been seen, ``attacks`` up to the step that is looked at."""

    run: Run
    console: Console
    holes: Holes = field(default_factory=Holes)
    attacks: AttackLog = field(default_factory=AttackLog)
    wrong_bits: WrongBits = field(default_factory=WrongBits)

    @cached_property
    def waits(self) -> CallWaits:
        """The calls of accept_memory() up to the step that is looked at."""
        return CallWaits(self.info)

    @property
    def info(self) -> RunInfo:
        return self.run.info


class Invariant(ABC):
    """One rule. ``watch`` is called for every step in order, then ``settle`` and ``finish`` once.

    ``name`` is stable. ``title`` says the rule in one line, ``rule`` explains it with its source.
    ``needs`` names what a trace has to show for the rule to hold (analysis.trace.coverage);
    with ``needs_rescind`` the rescinds as well, of a platform that has them; with ``needs_giving_back`` whatever gives a page
    back on the run's platform. ``by_page`` tells
    that a finding follows from the history of its page alone, ``by_end`` that it follows from what never
    came after it as well. ``decided_by`` is the option of `acceptlab run` without which little of it can be decided. ``looks_at`` names the
    evidence: what there has to be, and be right, for the rule to hold.
    """

    name: str
    title: str
    rule: str
    needs: frozenset[str] = frozenset()
    needs_rescind = False
    needs_giving_back = False
    by_page = False
    by_end = False
    decided_by = ""
    looks_at = "events of the guest"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.kinds: dict[object, Suspects] = {}
        self.doubts: list[str] = []
        self.looked_at = 0
        """How often the trace had what could have broken the rule; without it the rule does not hold: there was nothing to look at."""

    @property
    def info(self) -> RunInfo:
        return self.context.info

    @property
    def platform(self) -> Platform:
        """What there is to know of the run's platform."""
        return platform_of(self.info.platform)

    @classmethod
    def needed(cls, platform: str) -> frozenset[str]:
        """What a trace of a guest of ``platform`` has to show."""
        facts, more = platform_of(platform), set()
        if cls.needs_giving_back:
            more.add(facts.given_back_by)
        if cls.needs_rescind and facts.rescinds:
            more.add("rescind")
        return cls.needs | more

    def shows(self, *names: str) -> bool:
        """Whether the trace shows all of ``names``; without them nothing can be inferred."""
        return not set(names) & set(self.info.absent)

    @abstractmethod
    def watch(self, step: Step) -> None:
        """Look at one step."""

    def settle(self) -> None:  # noqa: B027 (most have nothing to settle)
        """Suspect what only the end of the trace decides; called once, after the last step and before ``finish``."""

    @abstractmethod
    def finish(self) -> InvariantResult:
        """Say what became of the rule, after the last step."""

    def suspects(self, kind: object) -> Suspects:
        """The suspects of one kind; a kind distinguishes findings."""
        return self.kinds.setdefault(kind, Suspects())

    def blame(
        self,
        step: Step,
        kind: object,
        positions: Positions,
        title: str,
        why: str,
        *,
        observed: bool = False,
    ) -> None:
        """Add one suspicion per position in the step's batch."""
        suspects = self.suspects(kind)
        first = positions[: suspects.room]
        listed = [Suspicion.at(step.batch, int(one), title, why) for one in first]
        for one in listed:
            one.observed = observed
        suspects.add(len(positions), listed)

    def blame_entries(
        self, step: Step, kind: object, entries: Sequence[Entries], title: str, why: str
    ) -> None:
        """Add one suspicion per event among ``entries``, at its first block."""
        for one in entries:
            suspects = self.suspects(kind)
            position, first = np.unique(one.position, return_index=True)
            listed = [
                Suspicion.at(step.batch, int(at), title, why, int(one.gpa[index]), one.size)
                for at, index in zip(position[: suspects.room], first[: suspects.room], strict=True)
            ]
            suspects.add(len(position), listed)

    def count(self) -> int:
        """How many findings there are, listed or not."""
        return sum(suspects.total for suspects in self.kinds.values())

    def result(self, status: Status, explanation: str) -> InvariantResult:
        """A result of this invariant; broken whenever something was found.

        What would hold, or not apply, is not decidable when the trace cannot show what it takes; nor
        is what looks broken, when events are missing that may explain it.
        """
        self._set_doubtful_aside()
        count = self.count()
        lacking = tuple(sorted(self.needed(self.info.platform) & set(self.info.absent)))
        if count:
            return InvariantResult(self.name, self.title, Status.BROKEN, self.rule, count, lacking)
        if self.doubts:
            return InvariantResult(self.name, self.title, Status.NOT_DECIDABLE, self.doubts[0])
        if self.context.holes.doubt and status == Status.HOLDS:
            doubt = self.context.holes.doubt
            return InvariantResult(
                self.name, self.title, Status.NOT_DECIDABLE, f"{doubt[0].upper()}{doubt[1:]}."
            )
        if lacking and (status != Status.NOT_APPLICABLE or HANDOFF in lacking):
            if status != Status.NOT_DECIDABLE or not explanation:
                explanation = f"The trace cannot show {in_words(lacking)}."
            why = Status.NOT_DECIDABLE
            return InvariantResult(self.name, self.title, why, explanation, 0, lacking)
        if status == Status.HOLDS and not self.looked_at:
            explanation = f"Nothing to look at: the trace has no {self.looks_at}."
            status = Status.NOT_APPLICABLE
        return InvariantResult(self.name, self.title, status, explanation)

    def missing(self, one: Suspicion) -> str:
        """What is missing in or beside the events that a suspicion follows from, in words; nothing: an empty text."""
        by_end = self.by_end or one.by_end or not one.events
        until = END if by_end else one.events[-1]
        before = [event["seq"] for event in one.history if _decides(event) and event["seq"] < until]
        since = before[-1] if before and self.by_page else 0
        return self.context.holes.between(since - 1, until + 1)

    def _set_doubtful_aside(self) -> None:
        """Withdraw suspicions that missing events may explain; ``doubts`` lists them."""
        if not self.context.holes:
            return
        for kind, suspects in list(self.kinds.items()):
            doubts = {id(one): self.missing(one) for one in suspects.kept if not one.observed}
            doubtful = [one for one in suspects.kept if doubts.get(id(one))]
            not_examined = (suspects.total - len(suspects.kept)) * bool(doubts)
            if doubtful:
                first = doubtful[0]
                self.doubts.append(
                    f"Possibly broken ({first.title}), but {doubts[id(first)]}, which may be the cause."
                )
            if not_examined:
                self.doubts.append(
                    f"{not_examined:,} more are possibly broken ({suspects.kept[0].title}) and were not examined "
                    "for missing events as the cause."
                )
            suspects.kept = [one for one in suspects.kept if not doubts.get(id(one))]
            suspects.total -= len(doubtful) + not_examined
            if not suspects.kept:
                del self.kinds[kind]


def _decides(event: dict[str, Any]) -> bool:
    shared = event["kind"] == label(Kind.CONVERT) and event["detail"] & 0xFF == ConvertTo.SHARED
    succeeded = event["result"] == 0 and event.get("carry") != 1
    return succeeded and (shared or event["kind"] in _DECIDES)
