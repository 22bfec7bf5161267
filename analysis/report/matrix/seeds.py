# SPDX-License-Identifier: GPL-2.0-only
"""Runs that differ only in their seed, shown as one: median, minimum and maximum of each fact."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from acceptlab.analysis.report.matrix.sheet import DONE, CellSheet, SweepSheet

SEED = "seed"


@dataclass(frozen=True)
class Repeated(CellSheet):
    """A shape's runs with every seed. `facts` are medians, and words where all agree; `numbers` are the runs' places in the
    sweep, from 1; `spread` is (least, most) of each number in which they differ.
    """

    numbers: Sequence[int] = ()
    spread: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def repeats_seeds(sweep: SweepSheet) -> bool:
    """Return whether every shape of the sweep was run with every seed, and those are several."""
    values = [len({cell.labels[axis] for cell in sweep.cells}) for axis in sweep.axes]
    return SEED in sweep.varying and math.prod(values) == len(sweep.cells)


def over_seeds(sweep: SweepSheet) -> SweepSheet:
    """The sweep with one cell for each shape, without the axis of seeds; as it is where seeds are not repeated."""
    if not repeats_seeds(sweep):
        return sweep
    shapes: dict[tuple[str, ...], list[tuple[int, CellSheet]]] = {}
    axes = [axis for axis in sweep.axes if axis != SEED]
    for number, cell in enumerate(sweep.cells, 1):
        shapes.setdefault(tuple(cell.labels[axis] for axis in axes), []).append((number, cell))
    return replace(sweep, axes=axes, cells=[_repeated(axes, runs) for runs in shapes.values()])


def _repeated(axes: Sequence[str], runs: Sequence[tuple[int, CellSheet]]) -> Repeated:
    cells = [cell for _, cell in runs]
    first = next((cell for cell in cells if cell.state != DONE), cells[0])
    facts = {name: [cell.facts.get(name) for cell in cells] for name in first.facts}
    return Repeated(
        labels={axis: first.labels[axis] for axis in axes},
        state=first.state,
        reason=first.reason,
        kernel=first.kernel,
        clock=first.clock,
        facts={name: _middle(values) for name, values in facts.items()},
        findings=[one for cell in cells for one in cell.findings],
        undecided=[one for cell in cells for one in cell.undecided],
        numbers=[number for number, _ in runs],
        spread={name: spread for name, values in facts.items() if (spread := _spread(values))},
    )


def _middle(values: Sequence[Any]) -> Any:
    """The median of numbers, rounded; every word that occurs; None where a run cannot tell."""
    if any(value is None for value in values):
        return None
    if all(isinstance(value, int) for value in values):
        return round(statistics.median(values))
    return ", ".join(dict.fromkeys(map(str, values)))


def _spread(values: Sequence[Any]) -> tuple[int, int] | None:
    if not all(isinstance(value, int) for value in values) or min(values) == max(values):
        return None
    return min(values), max(values)
