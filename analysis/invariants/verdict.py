# SPDX-License-Identifier: GPL-2.0-only
"""What the judge says: findings, results per invariant, and the verdict."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import Any

from acceptlab.analysis.exit_codes import OF_VERDICT
from acceptlab.analysis.records import record
from acceptlab.analysis.run.ktap import KtapResults

Json = dict[str, Any]

GUEST = "guest"
"""In place of an invariant's name: the guest went wrong by its own words (analysis.invariants.guest_findings)."""

LISTED = 5
"""Most findings of one kind that are listed; all are counted."""

EXAMINED = 512
"""Most suspicions of one kind of which it is found out whether missing events explain them. Of a trace that lacks some, those beyond are no findings."""


class Status(StrEnum):
    """What can be said about an invariant in one run."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_DECIDABLE = "not decidable"
    NOT_APPLICABLE = "not applicable"


@record(frozen=True)
class Finding:
    """One broken invariant, or what else is wrong (GUEST). ``total`` is how many of this kind (invariant and title) there are.

    ``evidence`` has, as far as it is known: events (list of seq), gpa; rip, symbol and source
    (function, file and line) and the same of its caller; vcpu, stage, clock, history (the
    events of that page, oldest first) and the rule that is broken, with where it is written.
    """

    invariant: str
    title: str
    explanation: str
    evidence: Json
    total: int = 1

    def to_json(self) -> Json:
        """The object that verdict.json lists."""
        return {
            "invariant": self.invariant,
            "title": self.title,
            "explanation": self.explanation,
            "evidence": self.evidence,
            "total": self.total,
        }


@record(frozen=True)
class InvariantResult:
    """What became of one invariant. ``findings`` counts all, listed or not.

    ``lacking`` names what the invariant needs and the trace cannot show (analysis.trace.coverage).
    """

    name: str
    title: str
    status: Status
    explanation: str
    findings: int = 0
    lacking: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """The object that verdict.json lists."""
        return {
            "name": self.name,
            "title": self.title,
            "status": str(self.status),
            "explanation": self.explanation,
            "findings": self.findings,
            "lacking": list(self.lacking),
        }


@record(frozen=True)
class Verdict:
    """The judgement of one run. ``reasons`` says why it would be undecided without findings, else it is empty.

    ``host`` has a line for each attack of the host's: noticed, not noticed or harmless; ``cause`` what a guest that died
    died of. ``seen`` and ``not_seen`` say what a trace that somebody recorded shows and cannot show; empty for the
    emulator's own. ``firmware`` says what real firmware did before the kernel took over, and what was wrong with that. ``tests``: what came of tests on the console (analysis.run.ktap), None: there are none. ``not_stored`` says why there is no RUN/verdict.json though one was to be written; empty: there is one.
    """

    verdict: str
    headline: str
    findings: list[Finding] = field(default_factory=list)
    invariants: list[InvariantResult] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    events: int = 0
    events_sha256: str = ""
    not_stored: str = ""
    host: list[str] = field(default_factory=list)
    cause: list[str] = field(default_factory=list)
    seen: str = ""
    not_seen: str = ""
    firmware: list[str] = field(default_factory=list)
    tests: KtapResults | None = None

    @property
    def undecided(self) -> list[str]:
        """Why the verdict is undecided; empty for another verdict."""
        return self.reasons if self.verdict == "undecided" else []

    @property
    def notes(self) -> list[str]:
        """Lines about a guest's death, about attacks by the host, about firmware and about tests."""
        lines = [f"cause: {line}" for line in self.cause]
        lines += [f"host: {line}" for line in self.host]
        lines += self.firmware
        return lines + ([f"tests: {self.tests.sentence()}"] if self.tests else [])

    @property
    def exit_code(self) -> int:
        """That of the verdict alone (analysis.exit_codes)."""
        return OF_VERDICT[self.verdict]

    def to_json(self) -> Json:
        """The contents of verdict.json."""
        return {
            "format": 1,
            "verdict": self.verdict,
            "headline": self.headline,
            "reasons": self.reasons,
            "not_decided": [
                one.name for one in self.invariants if one.status == Status.NOT_DECIDABLE
            ],
            "events": self.events,
            "events_sha256": self.events_sha256,
            "seen": self.seen,
            "not_seen": self.not_seen,
            "host": self.host,
            "cause": self.cause,
            "firmware": self.firmware,
            "tests": self.tests.to_json() if self.tests else None,
            "invariants": [result.to_json() for result in self.invariants],
            "findings": [finding.to_json() for finding in self.findings],
        }
