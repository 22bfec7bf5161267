# SPDX-License-Identifier: GPL-2.0-only
"""I3: conversion or assignment comes before accept, rescind before conversion to shared."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.invariants.conversion_window import keep_accepts
from acceptlab.analysis.invariants.invariant import Invariant
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import STATE_MASK, Breach, State
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS
from acceptlab.analysis.trace.schema import (
    CONVERT_IMPLICIT,
    Access,
    ConvertTo,
    Kind,
    StopReason,
)

UNASSIGNED = "accepted a page that was not assigned to it"
NOT_ACCEPTED = "successfully rescinded a page that was not accepted"
RELEASED = "successfully released a page that was not accepted"
SHARED = "accepted a page that is shared with the host"
GHCB = "the GHCB page is not shared with the host"
HELD = "converted a page to shared without rescinding it"
IMPLICIT = "accepted a shared page, which the host made private"
_ORDERED = (Kind.ACCEPT, Kind.RESCIND, Kind.CONVERT)
"""What has an order."""
_GIVEN_BACK = (
    (Kind.RESCIND, NOT_ACCEPTED, "Hardware returns CF=1"),
    (
        Kind.RELEASE,
        RELEASED,
        "The module answers EPT_ENTRY_FREE or EPT_ENTRY_STATE_INCORRECT",
    ),
)
"""Kind, title, and what hardware answers instead (semantics.md 1.2.2 and 2.11.3)."""


class Order(Invariant):
    name = "I3"
    title = "assignment before accept, rescind before sharing"
    rule = (
        "To private: conversion or assignment, then accept. To shared on SNP: PVALIDATE 0, then"
        " the page state change (AMD APM Vol. 2, 15.36.6; GHCB specification, page state "
        "change)."
    )
    needs = frozenset(
        {"accept", "convert", "assign", "remove", "attack", "stop", RESULTS, EARLY, HANDOFF}
    )
    needs_rescind = True
    by_page = True
    looks_at = "accept, rescind or conversion"

    def watch(self, step: Step) -> None:
        self.looked_at += step.batch.number_of(*_ORDERED)
        if self.shows("assign", RESULTS, HANDOFF):
            self.blame_entries(
                step,
                UNASSIGNED,
                step.breaches(Breach.ACCEPT_NOT_ASSIGNED),
                UNASSIGNED,
                "An accept succeeded on a page that the host had not assigned to the guest.",
            )
        if self.shows("accept", RESULTS, HANDOFF):
            self._watch_given_back(step)
        if self.platform.rescinds and self.shows("rescind", RESULTS):
            self.blame_entries(
                step,
                HELD,
                step.breaches(Breach.SHARE_HELD),
                HELD,
                "The page was still accepted when the guest requested its conversion to shared.",
            )

        self._watch_stops(step)
        self._watch_implicit(step)

    def _watch_given_back(self, step: Step) -> None:
        """Rescinds and releases that succeeded where there was nothing to give back: each has its own instruction and answer."""
        kind = step.batch["kind"]
        for what, title, answer in _GIVEN_BACK:
            found = [
                one.where(kind[one.position] == what)
                for one in step.breaches(Breach.RESCIND_NOT_ACCEPTED)
            ]
            why = f"{answer} for this: an accept event is missing or out of order."
            self.blame_entries(step, title, [one for one in found if len(one.position)], title, why)

    def _watch_implicit(self, step: Step) -> None:
        """Accepts of shared pages that the host converted for them (semantics.md 2.10.7): ``finish`` knows what was an accept."""
        batch = step.batch
        converts = batch.of(Kind.CONVERT)
        implicit = batch["detail"][converts] == np.uint64(ConvertTo.PRIVATE | CONVERT_IMPLICIT)
        found = converts[implicit]
        if len(found):
            why = (
                "The page is shared in the host's tables: the conversion to private is missing. The host converted "
                "it at the accept (implicit conversion); one that does not ends the guest here."
            )
            self.blame(step, IMPLICIT, found, IMPLICIT, why, observed=True)

    def _watch_stops(self, step: Step) -> None:
        """Stops by which the host says that the order was wrong."""
        batch = step.batch
        stops = batch.of(Kind.STOP)
        if not len(stops):
            return
        reason, access = batch["result"][stops], batch["detail"][stops] & np.uint64(0xFF)
        accepting = (reason == StopReason.NOT_ASSIGNED) & (access == Access.INSTRUCTION)
        self.blame(
            step,
            SHARED,
            self.context.attacks.without_noticed(
                batch, stops[accepting], "a fatal exit (not-assigned)"
            ),
            SHARED,
            "The page is shared in the host's tables: the conversion to private is missing.",
            observed=True,
        )
        if not self.platform.handler_reads_shared:
            return
        before = step.looks()[stops] & np.uint8(STATE_MASK)
        ghcb = (reason == StopReason.HANDLER) & (before != State.HOST)
        why = "The host reads and writes the GHCB, so its page must be shared RAM."
        self.blame(step, GHCB, stops[ghcb], GHCB, why)

    def finish(self) -> InvariantResult:
        suspects = self.kinds.get(IMPLICIT)
        if suspects is not None:
            keep_accepts(suspects)
            if not suspects.total:
                del self.kinds[IMPLICIT]
        return self.result(Status.HOLDS, "Every accept and conversion was in order.")
