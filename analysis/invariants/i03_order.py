# SPDX-License-Identifier: GPL-2.0-only
"""I3: conversion or assignment comes before accept, rescind before conversion to shared."""

from __future__ import annotations

from analysis.findings import InvariantResult, Status
from analysis.invariants.base import Invariant, Step
from analysis.page_states import Breach

UNASSIGNED = "accepted a page that was not assigned to it"
NOT_ACCEPTED = "rescinded a page that was not accepted, and it succeeded"
HELD = "converted a page to shared without rescinding it"


class Order(Invariant):
    name = "I3"
    title = "assignment before accept, rescind before sharing"
    rule = (
        "To private: convert or be assigned, then accept. To shared on SNP: PVALIDATE 0, then"
        " the page state change (AMD APM Vol. 2, 15.36.6; GHCB specification, page state "
        "change)."
    )

    def watch(self, step: Step) -> None:
        if "assign" not in self.info.absent:
            self.blame_entries(
                step,
                UNASSIGNED,
                step.breaches(Breach.ACCEPT_NOT_ASSIGNED),
                UNASSIGNED,
                "An accept succeeded on a page that the host had not assigned to the guest.",
            )
        self.blame_entries(
            step,
            NOT_ACCEPTED,
            step.breaches(Breach.RESCIND_NOT_ACCEPTED),
            NOT_ACCEPTED,
            "Hardware answers CF=1 to this: an accept is missing from the trace, or out of order.",
        )
        if self.info.platform == "snp":
            self.blame_entries(
                step,
                HELD,
                step.breaches(Breach.SHARE_HELD),
                HELD,
                "The page was still accepted when the guest asked the host to make it shared.",
            )

    def finish(self) -> InvariantResult:
        return self.result(Status.HOLDS, "Every accept and every conversion came in order.")
