# SPDX-License-Identifier: GPL-2.0-only
"""The rows of many runs as one dataset: as text, as an object, and as a Parquet file."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from acceptlab.analysis import exit_codes
from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.batch.run_row import UNUSABLE, Row
from acceptlab.analysis.files import written_beside
from acceptlab.analysis.invariants import REGISTRY
from acceptlab.analysis.invariants.verdict import Status
from acceptlab.analysis.report.matrix.columns import COLUMNS, shown, unit_word
from acceptlab.analysis.report.matrix.wide_table import WIDTH, Table

_SHOWN = ("verdict", "outcome", "events", "accepts", "accepted", "faults")
_NAME_WIDTH = 32
_VERDICTS = ("clean", "findings", "undecided", UNUSABLE)


class Dataset:
    """One row for each run, in order of their folders."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = sorted(rows, key=lambda row: str(row["run"]))

    @property
    def exit_code(self) -> int:
        """That of all verdicts together, but BAD_INPUT when a folder is not usable."""
        verdicts = {row["verdict"] for row in self.rows}
        if UNUSABLE in verdicts:
            return exit_codes.BAD_INPUT
        return exit_codes.heaviest(exit_codes.OF_VERDICT[verdict] for verdict in verdicts)

    def frame(self) -> pd.DataFrame:
        """A table with a column for everything that a row holds; what a run cannot tell is missing."""
        return pd.DataFrame(self.rows).convert_dtypes()

    def write_parquet(self, path: Path) -> None:
        """Write ``frame`` to ``path``; raises BadInput when that fails."""
        try:
            with written_beside(path) as beside:
                self.frame().to_parquet(beside, index=False)
        except (ValueError, TypeError) as error:
            raise BadInput(f"cannot write {path}: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """The rows, and what they come down to."""
        return {"runs": self.rows, "verdicts": self._verdicts(), "invariants": self._invariants()}

    def text(self) -> str:
        """A table of all runs, every invariant over all of them, and what is wrong where."""
        parts = [_table(self.rows).text(), "", self._sums().text()]
        told = [line for row in self.rows for line in _trouble(row)]
        return "\n".join([*parts, "", *told, self._headline()])

    def _headline(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self._verdicts().items() if count)
        return f"{len(self.rows):,} runs: {counts}."

    def _verdicts(self) -> dict[str, int]:
        counts = Counter(row["verdict"] for row in self.rows)
        return {name: counts[name] for name in _VERDICTS}

    def _invariants(self) -> dict[str, dict[str, int]]:
        counts = {name: Counter(row.get(name) for row in self.rows) for name in REGISTRY}
        return {
            name: {str(status): counts[name][str(status)] for status in Status} for name in REGISTRY
        }

    def _sums(self) -> Table:
        rows = [
            [name, *(f"{count:,}" if count else "-" for count in counts.values())]
            for name, counts in self._invariants().items()
        ]
        return Table(["", *map(str, Status)], rows, 1)


def _table(rows: Sequence[Row]) -> Table:
    """Name runs by the distinct part of their paths, as far as there is room."""
    above = os.path.commonpath([Path(row["run"]).parent for row in rows])
    columns = [COLUMNS[name] for name in _SHOWN]
    heads = [f"{column.heading} {unit_word(column)}".strip() for column in columns]
    cells = [
        [
            f"#{number}",
            os.path.relpath(row["run"], above)[-_NAME_WIDTH:],
            *(shown(column, row.get(column.name)) for column in columns),
        ]
        for number, row in enumerate(rows, 1)
    ]
    return Table(["", "run", *heads], cells, 2)


def _trouble(row: Row) -> list[str]:
    if row["verdict"] == "clean":
        return []
    why = row["problem"] or row["headline"]
    return [*textwrap.wrap(f"{row['run']}: {why}", WIDTH, subsequent_indent="   "), ""]
