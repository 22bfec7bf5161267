# SPDX-License-Identifier: GPL-2.0-only
"""What a trace that was recorded inside a guest, or beside one, shows and does not show: two sentences of its verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.transitions import Breach
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.run.run_info import NOT_KNOWN, RunInfo
from acceptlab.analysis.trace.coverage import BLOCKS, EARLY, HANDOFF, OUTSIDE_THE_GUEST, RESULTS
from acceptlab.analysis.trace.schema import Kind
from acceptlab.analysis.trace.value_sets import distinct

_EMULATOR = "emulator"
_GROUPS: tuple[tuple[str, Collection[str]], ...] = (
    ("events before the recording", (EARLY,)),
    ("memory at boot handoff", (HANDOFF,)),
    ("accepts", ("accept",)),
    ("results of accepts", (RESULTS,)),
    ("single accepts within a call", (BLOCKS,)),
    ("rescinds", ("rescind",)),
    ("conversions", ("convert",)),
    ("faults", ("fault",)),
    ("the bitmap", ("bitmap",)),
    ("stages of the boot", ("stage",)),
    ("calls of the lock functions", ("probe-enter",)),
    ("the host's side", OUTSIDE_THE_GUEST),
)
"""What a reader takes for one thing, and its names in analysis.trace.coverage."""


class Seen:
    """Counts what a trace shows of accepts, step by step."""

    def __init__(self) -> None:
        self.accepts = 0
        self.refused = 0
        self.again = 0
        """Accepts that succeeded on memory accepted before, with nothing recorded in between."""
        self.calls = 0
        """Calls of probed functions."""

    def watch(self, step: Step) -> None:
        """Take in the next events."""
        kind = step.batch["kind"]
        self.accepts += int(np.count_nonzero(kind == Kind.ACCEPT))
        self.calls += int(np.count_nonzero(kind == Kind.PROBE_ENTER))
        odd = step.batch.odd
        self.refused += int(np.count_nonzero(kind[odd] == Kind.ACCEPT))
        positions = [one.position for one in step.breaches(Breach.ACCEPT_TWICE)]
        self.again += len(distinct(np.concatenate(positions))) if positions else 0

    def sentence(self, info: RunInfo) -> str:
        """What was seen, without a full stop."""
        if not self.accepts:
            called = f", {_many(self.calls, 'call')} of probed functions" if self.calls else ""
            return f"No accept was recorded{called}"
        parts = [_many(self.accepts, "accept"), self._twice(info), self._refused(info)]
        return ", ".join(parts)

    def _twice(self, info: RunInfo) -> str:
        if not self.again:
            return "no page accepted twice"
        kind = platform_of(info.platform).given_back_by
        between = {"rescind": "rescinds", "convert": "conversions"}[kind]
        unseen = f" ({between} were not recorded)" if kind in info.absent else ""
        return f"{self.again:,} of memory accepted before{unseen}"

    def _refused(self, info: RunInfo) -> str:
        if RESULTS in info.absent:
            return "refusals were not recorded"
        return f"{self.refused:,} refused" if self.refused else "none refused"


def is_recorded(info: RunInfo) -> bool:
    """Whether a recorder made the trace, and not the emulator, which sees all."""
    return info.source != _EMULATOR


def not_seen(info: RunInfo, results: Sequence[InvariantResult]) -> str:
    """What the trace cannot show of what judging takes, and which invariants are not decided for that; empty: it shows all."""
    concerned = [one for one in results if one.status == Status.NOT_DECIDABLE]
    lacking = {name for one in concerned for name in one.lacking}
    parts = [words for words, names in _GROUPS if lacking & set(names)]
    if info.outcome == NOT_KNOWN:
        parts.append("how the guest ended")
    if not parts:
        return ""
    names = ", ".join(one.name for one in concerned)
    return f"Cannot be seen in this trace: {', '.join(parts)}" + (
        f" (not decided: {names})." if names else "."
    )


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
