# SPDX-License-Identifier: GPL-2.0-only
"""I7: answers that say 'already so' or 'wrong size' are alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.invariant import (
    OTHER_RIP,
    OTHER_STAGE,
    Context,
    Invariant,
    Positions,
    Suspicion,
)
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.page_states import lengthened
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.trace.coverage import BLOCKS, EARLY, RESULTS
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind, label
from acceptlab.analysis.trace.value_sets import among, distinct

ALREADY = "accepted a page that was already accepted"
NOT_HELD = "rescinded a page that was not accepted"
NOT_RELEASED = "released a page that was not accepted"
MISMATCHES = "tried the same unit at 2M again after a size mismatch"

_LOOKED_AT = (Kind.ACCEPT, Kind.RESCIND)
_OPEN = 1
_SOON = 3
"""Events after a mismatch in which a guest that falls back has accepted a page of the unit."""


class NoStorms(Invariant):
    name = "I7"
    title = "no storm of refused accepts"
    rule = (
        "CF=1 and ALREADY_ACCEPTED mean that the guest does not track what it accepted; more than"
        " one size mismatch before a unit is accepted means that it does not fall back (AMD "
        "APM Vol. 2, 15.36.6; TDG.MEM.PAGE.ACCEPT)."
    )
    needs = frozenset({"accept", RESULTS, BLOCKS, EARLY})
    needs_rescind = True
    looks_at = "accept or rescind"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._mismatches = 0
        self._open: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def watch(self, step: Step) -> None:
        self._open = lengthened(self._open, step.states.units)
        batch = step.batch
        self.looked_at += batch.number_of(*_LOOKED_AT)
        odd = batch.odd
        accepts = batch["kind"][odd] == Kind.ACCEPT
        unchanged = batch["carry"][odd] == 1
        status = batch["result"][odd] >> np.uint64(self.platform.status_shift)
        again = self.platform.already_accepted
        already = odd[accepts & (unchanged if again is None else unchanged | (status == again))]
        if self.info.outcome != "userspace":
            already = self.context.attacks.without_noticed(batch, already, "a refused accept")
        self.blame(
            step,
            ALREADY,
            already,
            ALREADY,
            "The result was CF=1 or ALREADY_ACCEPTED: two callers accept this page, "
            "or the guest did not track the first accept.",
            observed=True,
        )
        rescinds = odd[(batch["kind"][odd] == Kind.RESCIND) & unchanged]
        if self.info.outcome != "userspace":
            rescinds = self.context.attacks.without_noticed(batch, rescinds, "a refused rescind")
        self.blame(
            step,
            NOT_HELD,
            rescinds,
            NOT_HELD,
            "PVALIDATE 0 returned CF=1: the page was not accepted.",
            observed=True,
        )
        refused = among(status, self.platform.not_accepted)
        releases = odd[(batch["kind"][odd] == Kind.RELEASE) & refused]
        self.blame(
            step,
            NOT_RELEASED,
            self.context.attacks.without_noticed(batch, releases, "a refused release"),
            NOT_RELEASED,
            "TDG.MEM.PAGE.RELEASE found no accepted page there.",
            observed=True,
        )
        mismatched = status == self.platform.size_mismatch
        self._watch_mismatches(step, odd[accepts & mismatched])

    def finish(self) -> InvariantResult:
        for kind, parties in ((ALREADY, _accepters), (NOT_HELD, _rescinders)):
            for one in self.kinds[kind].listed if kind in self.kinds else ():
                one.explanation += parties(one)
            if kind in self.kinds and not self.kinds[kind].total:
                del self.kinds[kind]
        return self.result(
            Status.HOLDS,
            f"No accept hit an accepted page; {self._mismatches} size mismatches, none repeated.",
        )

    def _watch_mismatches(self, step: Step, positions: Positions) -> None:
        units = step.batch["gpa"][positions] // np.uint64(UNIT_SIZE)
        inside = units < np.uint64(len(self._open))
        positions, unit = positions[inside], units[inside].astype(np.int64)
        self._mismatches += len(positions)
        if not self._open.any() and _followed_up(step, unit, positions):
            return
        repeated = self._repeated(step, unit, positions)
        self.blame(
            step,
            MISMATCHES,
            repeated,
            MISMATCHES,
            "The host maps this unit in 4K pages and reported it; the guest tried 2M again instead "
            "of accepting 4K pages.",
        )

    def _repeated(self, step: Step, unit: Positions, position: Positions) -> Positions:
        """Mismatches that follow another one on their unit with no successful accept between."""
        done = np.flatnonzero(step.ops == Op.ACCEPT)
        done_unit = (step.batch["gpa"][done] // np.uint64(UNIT_SIZE)).view(np.int64)
        # Of accepts one behind the other in one unit, the first says it all.
        changes = np.flatnonzero(done_unit[1:] != done_unit[:-1]) + 1
        telling = distinct(np.concatenate([[0], changes, np.searchsorted(done, position)]))
        telling = telling[telling < len(done)]
        done, done_unit = done[telling], done_unit[telling]
        concerned = self._open.astype(np.bool_)
        concerned[unit] = True
        done_unit = np.minimum(done_unit, len(concerned) - 1)
        mine = concerned[done_unit]
        units = np.concatenate([unit, done_unit[mine]])
        positions = np.concatenate([position, done[mine]])
        opens = np.concatenate([np.ones(len(unit), np.uint8), np.zeros(int(mine.sum()), np.uint8)])
        order = np.lexsort((positions, units))
        units, positions, opens = units[order], positions[order], opens[order]
        first = np.ones(len(units), np.bool_)
        first[1:] = units[1:] != units[:-1]
        before = np.empty_like(opens)
        before[1:] = opens[:-1]
        before[first] = self._open[units[first]]
        last = np.ones(len(units), np.bool_)
        last[:-1] = first[1:]
        self._open[units[last]] = opens[last]
        return np.sort(positions[(opens == _OPEN) & (before == _OPEN)])


def _accepters(one: Suspicion) -> str:
    """Name who accepted the page before, and who did now."""
    first = _last(one, Kind.ACCEPT, Kind.LAUNCH)
    if first is None:
        return ""
    if first["kind"] == label(Kind.LAUNCH):
        return f" It was accepted before the first instruction; vCPU {one.vcpu} accepted it again."
    return f" {_party(one, first, 'had accepted')}; vCPU {one.vcpu} accepted it again."


def _rescinders(one: Suspicion) -> str:
    """Name who rescinded the page before, and who did now."""
    first = _last(one, Kind.RESCIND)
    if first is None:
        return ""
    return f" {_party(one, first, 'had rescinded')}; vCPU {one.vcpu} rescinded it now."


def _last(one: Suspicion, *kinds: Kind) -> dict[str, Any] | None:
    """The last event of these kinds that succeeded on the page before."""
    names = [label(kind) for kind in kinds]
    before = [
        event
        for event in one.history
        if event["kind"] in names
        and event["seq"] < one.events[0]
        and event["result"] == 0
        and event.get("carry") != 1
    ]
    return before[-1] if before else None


def _party(one: Suspicion, event: dict[str, Any], did: str) -> str:
    """The other party of a collision; the evidence gets its place, for its function's name."""
    one.more |= {"other_vcpu": event["vcpu"], "other_event": event["seq"]}
    one.more |= {OTHER_RIP: event["rip"], OTHER_STAGE: event["stage"]}
    return f"vCPU {event['vcpu']} {did} it in stage {event['stage']} (event {event['seq']})"


def _followed_up(step: Step, unit: Positions, position: Positions) -> bool:
    """Whether mismatches are on as many units, each with an accept there in the next events."""
    answered = np.zeros(len(position), np.bool_)
    for ahead in range(1, _SOON + 1):
        place = np.minimum(position + ahead, len(step.ops) - 1)
        accepted = step.batch["gpa"][place] // np.uint64(UNIT_SIZE) == unit.view(np.uint64)
        answered |= accepted & (step.ops[place] == Op.ACCEPT)
    return bool(answered.all()) and bool(np.diff(np.sort(unit)).all())
