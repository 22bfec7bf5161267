# SPDX-License-Identifier: GPL-2.0-only
"""Runs that are damaged in large numbers: no guilty guest may become clean, and no innocent one be accused.

`python -m tests.mutation.traces` tries all parts in one process, some minutes on an idle core; `make test-long` has a test for each.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from tests.analysis.invariants.test_all import ONLY
from tests.analysis.synthetic import Guest
from tests.mutation.traces.damage import Damage, damaged, lie, shuffled
from tests.mutation.traces.trial import Trial, clean_guest

SHAPES = {
    "-".join(one): one for one in itertools.product(("snp", "tdx"), ("2M", "4K"), ("lazy", "eager"))
}
"""Clean guests, by name: platform, the host's pages, when memory is accepted."""
OF_EVENTS = sorted(set(ONLY) - {"I8", "I9", "I10"})
"""Guests that break an invariant whose findings follow from events alone; those of the others take what run.json or the console tells."""
DAMAGES: dict[str, Damage] = {"events": damaged, "order": shuffled}
LIES = "run.json"
COUNTS = {"events": 10_000, "order": 1_000, LIES: 500}
"""How many of each are tried, half of them on clean guests."""
SEED = os.environ.get("ACCEPTLAB_SEED", "5")
REFUSED = "refused"
"""What comes of a run that is not judged at all: one line says what is wrong with it."""


@dataclass(frozen=True)
class Part:
    """Runs of one guest, a name of SHAPES or of OF_EVENTS, that are damaged in one way, ``count`` times."""

    guest: str
    how: str
    count: int

    def __str__(self) -> str:
        return f"{self.how} of {self.guest}"

    @property
    def is_clean(self) -> bool:
        """Whether its guest is innocent."""
        return self.guest in SHAPES


@dataclass
class Outcome:
    """Verdicts on the runs of a part, and those that are wrong, in words."""

    part: Part
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def row(self) -> str:
        """Return a line of the table of results."""
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.verdicts.items()))
        return f"{self.part!s:<24} {self.verdicts.total():6}: {counts}; {len(self.wrong)} wrong"


def parts() -> list[Part]:
    """Return all parts: of each kind of damage as many as COUNTS says, or a few more."""
    return [
        Part(guest, how, -(-count // 2 // len(guests)))
        for how, count in COUNTS.items()
        for guests in (list(SHAPES), OF_EVENTS)
        for guest in guests
    ]


def attempt(part: Part, folder: Path) -> Outcome:
    """Judge the runs of a part; ``folder`` is not there yet, or empty."""
    outcome = Outcome(part)
    tried = _lied if part.how == LIES else _damaged
    for words, verdict in tried(part, folder):
        outcome.verdicts[verdict.verdict if verdict else REFUSED] += 1
        if fault := wrong(part.is_clean, verdict):
            outcome.wrong.append(f"{words}: {fault}")
    return outcome


def wrong(was_clean: bool, verdict: Verdict | None) -> str:
    """Return what is wrong with a verdict on damaged evidence; nothing: an empty text."""
    if verdict is None:
        return ""
    if was_clean and verdict.verdict == "findings":
        return f"an innocent guest: {verdict.findings[0].invariant} {verdict.findings[0].title}"
    return "" if was_clean or verdict.verdict != "clean" else "a guilty guest is clean"


def _guest(name: str) -> Guest:
    return clean_guest(*SHAPES[name]) if name in SHAPES else ONLY[name]()[0]


def _chance(part: Part) -> random.Random:
    """The same for each number of runs, so that those that few try are the first that many try."""
    return random.Random(f"{SEED} {part}")


def _damaged(part: Part, folder: Path) -> Iterator[tuple[str, Verdict | None]]:
    damage: Callable[..., object] = DAMAGES[part.how]
    trial, chance = Trial(_guest(part.guest), folder), _chance(part)
    records = trial.guest.records()
    for number in range(part.count):
        yield f"#{number}", trial.verdict(damage(records, chance))  # type: ignore[arg-type]


def _lied(part: Part, folder: Path) -> Iterator[tuple[str, Verdict | None]]:
    run, chance = _guest(part.guest).write(folder / "run"), _chance(part)
    path = run / "run.json"
    honest = path.read_text()
    for _ in range(part.count):
        words, about = lie(json.loads(honest), chance)
        path.write_text(json.dumps(about))
        try:
            yield words, replay_run(run, write=False)
        except BadInput:
            yield words, None


def few(part: Part, count: int) -> Part:
    """Return the part with fewer runs."""
    return replace(part, count=min(count, part.count))
