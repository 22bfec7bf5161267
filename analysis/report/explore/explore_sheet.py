# SPDX-License-Identifier: GPL-2.0-only
"""What an exploration of schedules found, before any form is given to it; explore.json is this as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from acceptlab.analysis.exit_codes import heaviest, of_run

FORMAT = 1
_DONE = "done"


@dataclass(frozen=True)
class Tried:
    """One run under one schedule. `state` is done, missing or failed; `outcome` says why where it is not done.

    `accepts` counts accept operations; `longest_stall` is in instructions, None where no probe measured it.
    """

    schedule: str
    state: str
    verdict: str
    outcome: str
    findings: tuple[str, ...] = ()
    accepts: int | None = None
    longest_stall: int | None = None
    reproduce: str = ""

    @property
    def hit(self) -> bool:
        """Return whether the schedule found something: a finding, or a guest that did not reach userspace."""
        return self.state == _DONE and (self.verdict == "findings" or self.outcome != "userspace")

    @property
    def code(self) -> int:
        """Return the exit code of the run that was made."""
        return of_run(self.verdict, self.outcome)

    def shows(self, other: Tried) -> bool:
        """Return whether this run is a hit of the same kind as another: the same outcome, and one of its findings if it has some."""
        if not self.hit or self.outcome != other.outcome:
            return False
        return not other.findings or bool(set(self.findings) & set(other.findings))


@dataclass(frozen=True)
class Hit:
    """A hit, and the run with the shortest window of its schedule that still shows it. `turns`: those that the schedule gave there."""

    found: Tried
    reduced: Tried
    turns: int | None


@dataclass(frozen=True)
class ExploreSheet:
    """One exploration: of `wanted` schedules those that were tried, and the hits among them."""

    kernel: str
    wanted: int
    tried: Sequence[Tried]
    hits: Sequence[Hit]

    @property
    def done(self) -> list[Tried]:
        """Return the runs that were made."""
        return [one for one in self.tried if one.state == _DONE]

    @property
    def exit_code(self) -> int:
        """Return 1 for a hit, 3 when runs could not be made, else that of the runs."""
        if len(self.done) < len(self.tried):
            return heaviest([3, *(one.code for one in self.done)])
        return heaviest([one.code for one in self.done])

    def to_json(self) -> dict[str, Any]:
        """Return explore.json."""
        return {
            "format": FORMAT,
            "kernel": self.kernel,
            "wanted": self.wanted,
            "tried": [asdict(one) for one in self.tried],
            "hits": [asdict(one) for one in self.hits],
        }
