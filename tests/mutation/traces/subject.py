# SPDX-License-Identifier: GPL-2.0-only
"""Traces with one falsified event each: the judge has to suspect the invariant that the event breaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.mutation.engine import Attempt, End, UnfitError, faults_of
from tests.mutation.traces.cases import CASES, Case
from tests.mutation.traces.lives import Lives
from tests.mutation.traces.trial import Trial, clean_guest, suspected

_UNSEEN_BY_LIVES = {"I10"}
"""The second judge does not read the console, where the kernel's counters are."""


@dataclass(frozen=True)
class FalseTrace:
    """One entry of CASES."""

    invariant: str
    how: str

    @property
    def name(self) -> str:
        """Return its name in the table of results."""
        return f"{self.invariant.lower()}-{self.how}"

    def made(self) -> Case:
        """Return the guest and its falsified events. Raises UnfitError when they are those of the guest."""
        guest, records = CASES[self.invariant, self.how]()
        if np.array_equal(records, guest.records()):
            raise UnfitError(f"{self.name}: nothing was falsified")
        return guest, records


class Traces:
    """What a recorder or a host may falsify."""

    name = "traces"

    def mutants(self) -> list[FalseTrace]:
        """Return all cases."""
        return [FalseTrace(invariant, how) for invariant, how in CASES]

    def misplaced(self) -> list[str]:
        """Return which cases falsify nothing."""
        faults = faults_of([one.name for one in self.mutants()])
        for one in self.mutants():
            try:
                one.made()
            except UnfitError as error:
                faults.append(str(error))
        return faults

    def attempt(self, name: str, folder: Path) -> Attempt:
        """Judge the trace. The second judge has to notice, too, that it is false."""
        [mutant] = [one for one in self.mutants() if one.name == name]
        guest, records = mutant.made()
        verdict = Trial(guest, folder).verdict(records)
        if verdict is None:
            return Attempt(name, End.UNFIT, "the trace is refused as damaged")
        caught = verdict.verdict in ("findings", "undecided")
        caught &= mutant.invariant in suspected(verdict)
        caught &= mutant.invariant in _UNSEEN_BY_LIVES or Lives(guest, records).broken != []
        output = f"{verdict.headline}\n{verdict.reasons}"
        return Attempt(name, End.CAUGHT if caught else End.SURVIVED, output)

    def unchanged(self, folder: Path) -> Attempt:
        """Judge the trace as the guest left it, which is clean for both judges."""
        guest = clean_guest("snp", "2M", "lazy")
        verdict = Trial(guest, folder).verdict(guest.records())
        broken = Lives(guest, guest.records()).broken
        clean = verdict is not None and verdict.verdict == "clean" and not broken
        return Attempt("unchanged", End.SURVIVED if clean else End.CAUGHT, f"{verdict}\n{broken}")
