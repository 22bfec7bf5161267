# SPDX-License-Identifier: GPL-2.0-only
"""Schedules: the order in which the vCPUs of an emulated guest take turns, drawn from a seed (emulator/qemu/schedule.c).

All vCPUs share one thread, and the emulator counts instructions, so that one schedule always gives one run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from acceptlab.toolkit.errors import BadInputError

ROUND_ROBIN = "round-robin"
"""QEMU's own order: each vCPU in turn, until the next timer."""
END = 1 << 62
"""Stands for the end of the run, as the end of a window (instructions)."""
_MAX_SEED = (1 << 63) - 1
_PCT_SPAN = 1 << 32
"""Instructions over which `pct` spreads its changes of priority, where no window is named: more than a boot takes."""


@dataclass(frozen=True)
class _Form:
    """A schedule's second number: what it is, its bounds, and its default."""

    number: str
    least: int
    most: int
    default: int
    name: str
    """What the emulator calls the schedule."""


# emulator/qemu/schedule.c has the same bounds: SHORTEST_TURN, MAX_DEPTH.
_FORMS = {
    "random": _Form("instructions of a turn at most", 32, 1 << 30, 16384, "random"),
    "pct": _Form("changes of priority", 1, 64, 3, "pct"),
    "at-events": _Form("percent of the events", 1, 100, 50, "events"),
}
_TEXT = re.compile(
    r"(?P<kind>[a-z-]+):(?P<seed>\d{1,19})(?::(?P<number>\d{1,10}))?(?:@(?P<start>\d{1,18})-(?P<end>\d{1,18})?)?"
)
KINDS = (ROUND_ROBIN, *(f"{kind}:" for kind in _FORMS))


@dataclass(frozen=True)
class Schedule:
    """A schedule that is not round robin. ``start`` and ``end`` bound the window in which it holds, in instructions of the guest."""

    kind: str
    seed: int
    number: int
    start: int = 0
    end: int = END

    def __str__(self) -> str:
        """Return the text that `--schedule` takes."""
        whole = (self.start, self.end) == (0, END)
        window = "" if whole else f"@{self.start}-{'' if self.end == END else self.end}"
        return f"{self.kind}:{self.seed}:{self.number}{window}"

    @property
    def property_value(self) -> str:
        """Return the value of the emulator object's property."""
        end = self.end
        if self.kind == "pct" and end == END:
            end = self.start + _PCT_SPAN
        return f"{_FORMS[self.kind].name}:{self.seed}:{self.number}:{self.start}:{end}"

    def within(self, start: int, end: int) -> Schedule:
        """Return the same schedule, in effect from ``start`` to ``end`` only."""
        return replace(self, start=start, end=end)


def parse_schedule(text: str) -> Schedule | None:
    """Return the schedule of ``KIND:SEED[:NUMBER][@START-[END]]``, None for round robin. Raises BadInputError for another text."""
    if text == ROUND_ROBIN:
        return None
    found = _TEXT.fullmatch(text)
    if found is None or found["kind"] not in _FORMS:
        raise BadInputError(
            f"--schedule {text}: must be {ROUND_ROBIN}, random:SEED[:INSTRUCTIONS], pct:SEED[:DEPTH] or at-events:SEED[:PERCENT]; "
            "@START-END, in instructions, may follow"
        )
    form = _FORMS[found["kind"]]
    number = int(found["number"] or form.default)
    if not form.least <= number <= form.most:
        raise BadInputError(
            f"--schedule {text}: {form.number}: must be {form.least} to {form.most}"
        )
    seed = int(found["seed"])
    if seed > _MAX_SEED:
        raise BadInputError(f"--schedule {text}: the seed must be 0 to {_MAX_SEED}")
    start, end = int(found["start"] or 0), int(found["end"] or END)
    if start >= end:
        raise BadInputError(f"--schedule {text}: the window {start}-{end} is empty")
    return Schedule(found["kind"], seed, number, start, end)
