# SPDX-License-Identifier: GPL-2.0-only
"""Samples of several kernels, boiled down to a median and a spread for each fact, and the change against the kernel before."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from acceptlab.analysis.report.fairness import Build
from acceptlab.analysis.report.kernels.modelled_facts import column_of
from acceptlab.analysis.report.provenance_line import Provenance

FORMAT = 1


@dataclass(frozen=True)
class Sample:
    """One run: which kernel (by the name that tables show), platform and seed, and its facts by column name."""

    kernel: str
    platform: str
    seed: int
    facts: Mapping[str, Any]
    run: str = ""
    reproduce: str = ""


@dataclass(frozen=True)
class Missing:
    """A run that there is not, and why."""

    kernel: str
    platform: str
    why: str


@dataclass(frozen=True)
class Row:
    """One kernel's samples of one fact. None: no sample has it. Changes are of medians, in percent.

    `change` is against the kernel before in the list, `change_first` against the first; None where that has no such fact or 0.
    """

    kernel: str
    samples: int
    median: float | None
    low: float | None
    high: float | None
    change: float | None
    change_first: float | None


@dataclass(frozen=True)
class Block:
    """One fact on one platform, kernels in the order of the series."""

    fact: str
    platform: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Bench:
    """A whole comparison. `workload` says in a line what was run, `notes` what the modelled times in it are."""

    title: str
    workload: str
    seeds: Sequence[int]
    blocks: Sequence[Block]
    samples: Sequence[Sample]
    missing: Sequence[Missing]
    troubles: Sequence[str]
    notes: Sequence[str] = ()
    builds: Sequence[Build] = ()
    """How each kernel was made, in the same order; none is known of samples by hand."""
    clock: str = "instructions"
    provenance: Provenance | None = None

    def to_json(self) -> dict[str, Any]:
        """The object that bench.json holds; it explains its facts."""
        facts = {block.fact: column_of(block.fact) for block in self.blocks}
        about = {
            name: {"heading": one.heading, "unit": one.unit, "about": one.about}
            for name, one in facts.items()
        }
        return {"format": FORMAT, "facts": about, **asdict(self)}


def blocks_of(
    samples: Sequence[Sample],
    kernels: Sequence[str],
    platforms: Sequence[str],
    facts: Sequence[str],
) -> list[Block]:
    """Return a block for every fact and platform; a kernel without samples has a row all the same."""
    return [
        Block(fact, platform, _rows(samples, kernels, platform, fact))
        for fact in facts
        for platform in platforms
    ]


def _rows(samples: Sequence[Sample], kernels: Sequence[str], platform: str, fact: str) -> list[Row]:
    rows: list[Row] = []
    for kernel in kernels:
        mine = [one.facts.get(fact) for one in samples
                if (one.kernel, one.platform) == (kernel, platform)]  # fmt: skip
        known = [value for value in mine if isinstance(value, int | float)]
        if not known:
            rows.append(Row(kernel, 0, None, None, None, None, None))
            continue
        median = statistics.median(known)
        before = rows[-1].median if rows else None
        first = rows[0].median if rows else None
        rows.append(
            Row(
                kernel, len(known), median, min(known), max(known),
                change(before, median), change(first, median),
            )
        )  # fmt: skip
    return rows


def change(before: float | None, after: float) -> float | None:
    """Return the change in percent; None where there is nothing to compare with."""
    if before is None or (before == 0 and after != 0):
        return None
    return 0.0 if before == after else 100 * (after - before) / before


def percent(value: float | None) -> str:
    """A change as tables show it: `+12.3%`, `12x` for much more, `=` for none, "" when there is nothing to compare with."""
    if value is None:
        return ""
    if value >= 999.95:
        return f"{value / 100 + 1:.4g}x"
    if value == 0:
        return "="
    return f"{value:+.1f}%" if abs(value) >= 0.05 else f"{value:+.1g}%"
