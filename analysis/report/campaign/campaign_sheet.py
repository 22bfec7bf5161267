# SPDX-License-Identifier: GPL-2.0-only
"""What a campaign of malicious host actions found, before any form is given to it; campaign.json is this as JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

FORMAT = 1
NOTICED, HARMLESS, NOT_NOTICED = "noticed", "harmless", "not noticed"
NOT_KNOWN, NOT_DONE = "not known", "did not take place"
_LINE = re.compile(r"Attack by the host \([^)]*\): (?P<result>[^;.]*)")
_WEIGHT = (NOT_NOTICED, NOT_KNOWN, NOT_DONE, HARMLESS, NOTICED)
"""The first of them that a cell has is what it shows."""


def result_of(lines: Sequence[str], findings: Sequence[str], took_place: bool) -> tuple[str, str]:
    """Return the result of one injected act, and how it was noticed or what was found instead.

    `lines` are the verdict's lines about the host. A finding of the run is a finding: the act was not noticed before it.
    """
    if not took_place:
        return NOT_DONE, ""
    if findings:
        return NOT_NOTICED, "; ".join(findings)
    found = [match["result"] for line in lines if (match := _LINE.match(line))]
    for word in (NOT_NOTICED, NOTICED, HARMLESS):
        for one in found:
            if one.startswith(word):
                return word, one.removeprefix(word).removeprefix(" by ").strip()
    return NOT_KNOWN, ""


@dataclass(frozen=True)
class Injection:
    """One run with one act. `kind` is the kind of moment; `result` one of the words above, `how` more about it."""

    kind: str
    act: str
    attack: str
    result: str
    how: str
    outcome: str
    reproduce: str


@dataclass(frozen=True)
class CampaignSheet:
    """One campaign, on one platform."""

    kernel: str
    platform: str
    injections: Sequence[Injection]

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of moments, in the order of their first injection."""
        return list(dict.fromkeys(one.kind for one in self.injections))

    @property
    def acts(self) -> list[str]:
        """Return the acts, in the order of their first injection."""
        return list(dict.fromkeys(one.act for one in self.injections))

    def cell(self, kind: str, act: str) -> list[Injection]:
        """Return the injections of one act at one kind of moment, the worst result first."""
        found = [one for one in self.injections if (one.kind, one.act) == (kind, act)]
        return sorted(found, key=lambda one: _WEIGHT.index(one.result))

    @property
    def exit_code(self) -> int:
        """Return 1 when an act was not noticed, 4 when a result is not known or an act did not take place, else 0."""
        results = {one.result for one in self.injections}
        if NOT_NOTICED in results:
            return 1
        return 4 if results & {NOT_KNOWN, NOT_DONE} else 0

    def to_json(self) -> dict[str, Any]:
        """Return campaign.json."""
        return {
            "format": FORMAT,
            "kernel": self.kernel,
            "platform": self.platform,
            "injections": [asdict(one) for one in self.injections],
        }
