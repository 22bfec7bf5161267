# SPDX-License-Identifier: GPL-2.0-only
"""A sweep over kernels as the history of each recipe: in which kernel a defect was introduced, in which it was fixed, or became another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from acceptlab.analysis.kernel.versions import ANY, version_of
from acceptlab.analysis.report.matrix.sheet import DONE, CellSheet, SweepSheet

KERNEL = "kernel"
_BROKEN = ("findings",)
_GUEST = "guest"
"""The "invariant" of findings about what the guest printed (analysis/invariants/)."""


@dataclass(frozen=True)
class Span:
    """Kernels that follow each other and end the recipe alike. `defect`: the invariants, or the outcome; "" where they are clean."""

    defect: str
    kernels: tuple[str, ...]

    @property
    def place(self) -> str:
        """Return the kernels as text."""
        first, last = self.kernels[0], self.kernels[-1]
        return f"in {first}" if first == last else f"from {first} to {last}"


@dataclass(frozen=True)
class History:
    """A recipe: the labels of all other axes, and its kernels from the oldest to the newest, in spans; no two neighbours are alike."""

    recipe: tuple[str, ...]
    spans: tuple[Span, ...]

    def text(self) -> str:
        """Return one line about the recipe."""
        name = ", ".join(self.recipe) or "all runs"
        count = sum(len(span.kernels) for span in self.spans)
        if not any(span.defect for span in self.spans):
            return f"{name}: clean in all {count} kernels"
        parts = [_text_of(self.spans[0], None)]
        parts += [
            _text_of(span, before) for before, span in zip(self.spans, self.spans[1:], strict=False)
        ]
        if self.spans[-1].defect and count > 1:
            parts.append(f"not fixed in {self.spans[-1].kernels[-1]}")
        return f"{name}: {'; '.join(parts)}"


def _text_of(span: Span, before: Span | None) -> str:
    if before is None:
        return f"{span.defect or 'clean'} {span.place}"
    if not span.defect:
        return f"fixed in {span.kernels[0]}"
    if before.defect:
        return f"then {span.defect} {span.place}"
    return f"{span.defect} introduced in {span.kernels[0]}"


def histories(sweep: SweepSheet) -> list[History]:
    """Return each recipe's history, as far as runs decide it; [] for a sweep over fewer than two kernels."""
    if KERNEL not in sweep.varying:
        return []
    others = [axis for axis in sweep.varying if axis != KERNEL]
    recipes: dict[tuple[str, ...], list[CellSheet]] = {}
    for cell in sweep.cells:
        if _decided(cell):
            recipes.setdefault(tuple(_value(cell, axis) for axis in others), []).append(cell)
    return [_history(recipe, cells) for recipe, cells in recipes.items()]


def _value(cell: CellSheet, axis: str) -> str:
    """Return a value as it can stand alone: a number with the axis's name."""
    value = cell.labels[axis]
    return f"{axis} {value}" if value[:1].isdigit() else value


def _decided(cell: CellSheet) -> bool:
    """Whether a run has findings or is clean; what a run ended with otherwise decides nothing."""
    return cell.state == DONE and (cell.facts.get("verdict") in _BROKEN or cell.clean)


def _defect(cell: CellSheet) -> str:
    if cell.clean:
        return ""
    broken = sorted({str(one["invariant"]) for one in cell.findings} - {_GUEST})
    return ", ".join(broken) or str(cell.facts.get("outcome"))


def _name(cell: CellSheet) -> str:
    """Return the kernel as the sweep names it, with its version where the name has none (debian:newest)."""
    label = cell.labels[KERNEL]
    if any(character.isdigit() for character in label) or not cell.kernel:
        return label
    return f"{label} ({cell.kernel.partition('+')[0]})"


def _history(recipe: tuple[str, ...], cells: Sequence[CellSheet]) -> History:
    order = sorted(cells, key=lambda cell: version_of(cell.kernel) or ANY)
    spans = [
        Span(defect, tuple(_name(cell) for cell in alike))
        for defect, alike in groupby(order, _defect)
    ]
    return History(recipe, tuple(spans))
