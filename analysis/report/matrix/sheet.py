# SPDX-License-Identifier: GPL-2.0-only
"""What a finished matrix says, before any form is given to it; matrix.json is this as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from acceptlab.analysis.exit_codes import CLEAN, of_run
from acceptlab.analysis.report.matrix.columns import COLUMNS

FORMAT = 1
DONE, MISSING, FAILED = "done", "missing", "failed"


@dataclass(frozen=True)
class CellSheet:
    """One run. `state`: done, missing (no such kernel here) or failed (could not be made), `reason` says why.

    `run` is the run's folder, relative to that of the matrix; `reproduce` the shell line that makes it again.
    """

    labels: Mapping[str, str]
    state: str
    reason: str = ""
    run: str = ""
    reproduce: str = ""
    kernel: str = ""
    clock: str = "instructions"
    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    undecided: Sequence[str] = ()

    @property
    def clean(self) -> bool:
        """Return whether the run reached userspace and the judge has nothing against it."""
        return self.facts.get("verdict") == "clean" and self.facts.get("outcome") == "userspace"

    @property
    def code(self) -> int:
        """The exit code of a run that was made; CLEAN where there is none."""
        if not self.facts:
            return CLEAN
        return of_run(str(self.facts["verdict"]), str(self.facts["outcome"]))


@dataclass(frozen=True)
class SweepSheet:
    """One question, the axes of its runs, the facts that are shown, and the runs."""

    name: str
    question: str
    axes: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[CellSheet]

    @property
    def varying(self) -> list[str]:
        """Axes on which the runs differ."""
        return [axis for axis in self.axes if len({cell.labels[axis] for cell in self.cells}) > 1]

    @property
    def constant(self) -> dict[str, str]:
        """The value of every other axis."""
        varying = self.varying
        return {axis: self.cells[0].labels[axis] for axis in self.axes if axis not in varying}

    @property
    def is_sparse(self) -> bool:
        """Return whether less than half of all combinations were run, as of `cover = "pairs"`: few runs differ in one axis only."""
        values = [len({cell.labels[axis] for cell in self.cells}) for axis in self.axes]
        return 2 * len(self.cells) < math.prod(values)


@dataclass(frozen=True)
class Sheet:
    """A whole matrix."""

    name: str
    title: str
    emulator: str
    sweeps: Sequence[SweepSheet]

    @property
    def cells(self) -> list[CellSheet]:
        """Every cell of every sweep."""
        return [cell for sweep in self.sweeps for cell in sweep.cells]

    def to_json(self) -> dict[str, Any]:
        """The object that matrix.json holds; it explains its columns, so that a program needs nothing else."""
        about = {
            name: {"heading": one.heading, "unit": one.unit, "about": one.about}
            for name, one in COLUMNS.items()
        }
        return {"format": FORMAT, "columns": about, **asdict(self)}

    def json_text(self) -> str:
        """matrix.json; the same sheet gives the same bytes."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n"


def troubles(sweep: SweepSheet) -> list[str]:
    """One line for each cell that has something to say: missing, failed, not at userspace, findings, undecided."""
    lines = []
    for number, cell in enumerate(sweep.cells, 1):
        told = _trouble(cell)
        if told:
            lines.append(f"#{number} {', '.join(cell.labels.values())}: {told}")
    return lines


def _trouble(cell: CellSheet) -> str:
    if cell.state == MISSING:
        return f"MISSING: {cell.reason}"
    if cell.state == FAILED:
        return f"failed: {cell.reason}"
    told = []
    if cell.facts.get("outcome") != "userspace":
        told.append(f"{cell.facts.get('outcome')} {cell.reason}".strip())
    told += [f"{one['invariant']} {one['title']} ({one['total']})" for one in cell.findings]
    if cell.facts.get("verdict") == "undecided":
        told.append("undecided: " + "; ".join(cell.undecided))
    return "; ".join(told)
