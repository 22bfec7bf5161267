# SPDX-License-Identifier: GPL-2.0-only
"""I2: one successful accept per assignment of an address, told by its history."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.invariants.invariant import Invariant, Suspicion
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import Breach, Op
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS
from acceptlab.analysis.trace.schema import Kind, label

TWICE = "accepted a page twice"
AGAIN = "accepted a page again after the host replaced it"
REPLUGGED = "accepted a page again after its memory was removed and added again"


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
        for one in self.suspects(AGAIN).kept if AGAIN in self.kinds else ():
            if plug := _replugged(one):
                one.title = REPLUGGED
                one.explanation = (
                    "The guest did not give the page back before it gave the memory up. The host added the memory again (event "
                    f"{plug}), and the guest accepted the page again: a host that kept the first page has two for one address."
                )
        return self.result(
            Status.HOLDS, "No page was accepted twice without being given back in between."
        )


def _replugged(one: Suspicion) -> int:
    """The event by which the host added the page again since it was accepted before, if no attack replaced it since; 0: none."""
    wanted = (label(Kind.PLUG), label(Kind.ATTACK), label(Kind.ACCEPT))
    before = (event for event in reversed(one.history) if event["seq"] < one.events[0])
    last = next((event for event in before if event["kind"] in wanted), None)
    return int(last["seq"]) if last is not None and last["kind"] == wanted[0] else 0
