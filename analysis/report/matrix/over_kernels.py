# SPDX-License-Identifier: GPL-2.0-only
"""A sweep over kernels, told as the history of each recipe: in which kernel a defect was introduced, in which it was fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.analysis.kernel.versions import ANY, version_of
from acceptlab.analysis.report.matrix.sheet import DONE, CellSheet, SweepSheet

KERNEL = "kernel"
_BROKEN = ("findings",)


@dataclass(frozen=True)
class Change:
    """The first kernel of a sweep that differs from the one before it, and whether it has the defect."""

    kernel: str
    broken: bool


@dataclass(frozen=True)
class History:
    """A recipe: the labels of all other axes, whether the oldest kernel has the defect, and the changes after it."""

    recipe: tuple[str, ...]
    oldest: str
    broken: bool
    changes: tuple[Change, ...]

    def text(self) -> str:
        """Return one line about the recipe."""
        name = ", ".join(self.recipe) or "all runs"
        first = f"defect in {self.oldest}" if self.broken else f"clean in {self.oldest}"
        later = [
            f"{'introduced' if one.broken else 'fixed'} in {one.kernel}" for one in self.changes
        ]
        return f"{name}: {', '.join((first, *later))}"


def histories(sweep: SweepSheet) -> list[History]:
    """Return each recipe's history, as far as runs decide it; [] for a sweep over fewer than two kernels."""
    if KERNEL not in sweep.varying:
        return []
    others = [axis for axis in sweep.varying if axis != KERNEL]
    recipes: dict[tuple[str, ...], list[CellSheet]] = {}
    for cell in sweep.cells:
        if _decided(cell):
            recipes.setdefault(tuple(cell.labels[axis] for axis in others), []).append(cell)
    return [_history(recipe, cells) for recipe, cells in recipes.items()]


def _decided(cell: CellSheet) -> bool:
    return cell.state == DONE and (_is_broken(cell) or cell.clean)


def _is_broken(cell: CellSheet) -> bool:
    """Whether a run has findings; what a run ended with otherwise decides nothing."""
    return cell.facts.get("verdict") in _BROKEN


def _history(recipe: tuple[str, ...], cells: Sequence[CellSheet]) -> History:
    order = sorted(cells, key=lambda cell: version_of(cell.kernel) or ANY)
    changes, before = [], _is_broken(order[0])
    for cell in order[1:]:
        if _is_broken(cell) != before:
            before = not before
            changes.append(Change(cell.labels[KERNEL], before))
    return History(recipe, order[0].labels[KERNEL], _is_broken(order[0]), tuple(changes))
