# SPDX-License-Identifier: GPL-2.0-only
"""I7: answers that say 'already so' or 'wrong size' are alarms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.absent import BLOCKS, EARLY, RESULTS
from analysis.events import Batch
from analysis.findings import InvariantResult, Status
from analysis.invariants.base import Context, Invariant, Positions, Step
from analysis.page_states import Op
from analysis.schema import UNIT_SIZE, Kind

ALREADY = "accepted a page that was accepted already"
NOT_HELD = "rescinded a page that was not accepted"
MISMATCHES = "tried the same unit at 2M again after a size mismatch"

SNP_SIZE_MISMATCH = 6
"""PVALIDATE FAIL_SIZEMISMATCH (semantics 1.2)."""
TDX_ALREADY_ACCEPTED = 0x00000B0A
"""Upper half of TDG.MEM.PAGE.ACCEPT's status; the lower half is the level (semantics 2.2 #2, #6)."""
TDX_SIZE_MISMATCH = 0xC0000B0B
"""Likewise (semantics 2.2 #5)."""

_OPEN = 1


class NoStorms(Invariant):
    name = "I7"
    title = "no storm of refused accepts"
    rule = (
        "CF=1 and ALREADY_ACCEPTED mean that the guest does not know what it holds; more than"
        " one size mismatch before a unit is accepted means that it does not fall back (AMD "
        "APM Vol. 2, 15.36.6; TDG.MEM.PAGE.ACCEPT)."
    )
    needs = frozenset({"accept", RESULTS, BLOCKS, EARLY})
    needs_snp = frozenset({"rescind"})

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._mismatches = 0
        self._open: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def watch(self, step: Step) -> None:
        if len(self._open) != step.states.units:
            self._open = np.zeros(step.states.units, np.uint8)
        batch = step.batch
        accepts = batch["kind"] == Kind.ACCEPT
        unchanged = batch["carry"] == 1
        upper = batch["result"] >> np.uint64(32)
        already = np.flatnonzero(accepts & (unchanged | (upper == TDX_ALREADY_ACCEPTED)))
        self.blame(
            step,
            ALREADY,
            already,
            ALREADY,
            "The answer was CF=1 or ALREADY_ACCEPTED: two parties think that this page is theirs "
            "to accept, or the guest forgot that it had.",
        )
        rescinds = np.flatnonzero((batch["kind"] == Kind.RESCIND) & unchanged)
        self.blame(
            step,
            NOT_HELD,
            rescinds,
            NOT_HELD,
            "PVALIDATE 0 answered CF=1: the page was not accepted.",
        )
        self._watch_mismatches(step, accepts & _mismatched(batch, upper))

    def finish(self) -> InvariantResult:
        return self.result(
            Status.HOLDS,
            f"No accept met an accepted page; {self._mismatches} size mismatches, none repeated.",
        )

    def _watch_mismatches(self, step: Step, mismatched: npt.NDArray[np.bool_]) -> None:
        positions = np.flatnonzero(mismatched)
        units = step.batch["gpa"][positions] // np.uint64(UNIT_SIZE)
        inside = units < np.uint64(len(self._open))
        positions, unit = positions[inside], units[inside].astype(np.int64)
        self._mismatches += len(positions)
        if not len(positions) and not self._open.any():
            return
        repeated = self._repeated(step, unit, positions)
        self.blame(
            step,
            MISMATCHES,
            repeated,
            MISMATCHES,
            "The host maps this unit in 4K pages and said so; the guest asked for 2M again instead "
            "of accepting 4K pages.",
        )

    def _repeated(self, step: Step, unit: Positions, position: Positions) -> Positions:
        """Mismatches that follow another one on their unit with no successful accept between."""
        done = np.flatnonzero(step.ops == Op.ACCEPT)
        done_unit = (step.batch["gpa"][done] // np.uint64(UNIT_SIZE)).astype(np.int64)
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


def _mismatched(batch: Batch, upper: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    return np.asarray((batch["result"] == SNP_SIZE_MISMATCH) | (upper == TDX_SIZE_MISMATCH))
