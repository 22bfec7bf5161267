# SPDX-License-Identifier: GPL-2.0-only
"""I2: one successful accept per assignment of an address, told by its history."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.invariants.invariant import Invariant
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import Breach, Op
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS

TWICE = "accepted a page twice"
AGAIN = "accepted a page again after the host replaced it"


class OneAccept(Invariant):
    name = "I2"
    title = "one successful accept per assignment"
    rule = (
        "A guest must track the pages it accepted: between two successful accepts of an address"
        " it must give the page back. The carry flag alone does not reveal a page that "
        "the host replaced (AMD APM Vol. 2, 15.36.6)."
    )
    needs = frozenset({"accept", RESULTS, EARLY, HANDOFF})
    needs_giving_back = True
    by_page = True
    looks_at = "accept of the guest's that succeeded"

    def watch(self, step: Step) -> None:
        self.looked_at += int(np.count_nonzero(step.ops == Op.ACCEPT))
        if not self.shows(RESULTS, self.platform.given_back_by):
            return
        self.blame_entries(
            step,
            TWICE,
            step.breaches(Breach.ACCEPT_TWICE),
            TWICE,
            "The page was already accepted, and a second accept succeeded.",
        )
        for one in step.breaches(Breach.ACCEPT_AGAIN):
            for position in one.position.tolist():
                attack = self.context.attacks.of(step.batch, position)
                if attack is not None:
                    attack.again = True
        self.blame_entries(
            step,
            AGAIN,
            step.breaches(Breach.ACCEPT_AGAIN),
            AGAIN,
            "The host removed an accepted page and assigned another at the same address, and "
            "the guest accepted it again: two pages were validated for one address in turn.",
        )

    def finish(self) -> InvariantResult:
        return self.result(
            Status.HOLDS, "No page was accepted twice without being given back in between."
        )
