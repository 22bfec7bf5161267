# SPDX-License-Identifier: GPL-2.0-only
"""A whole matrix: its runs, and the documents about them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from acceptlab.analysis.exit_codes import heaviest
from acceptlab.analysis.report.matrix.sheet import CellSheet, Sheet, SweepSheet
from acceptlab.toolkit.errors import EXIT_BAD_INPUT, EXIT_MACHINE
from acceptlab.toolkit.matrix.sweep_spec import Cell, Spec
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.runs.run_cache import opened
from acceptlab.toolkit.runs.run_jobs import DONE, FAILED, MISSING, Result, make_all
from acceptlab.toolkit.runs.scheduler import Room
from acceptlab.toolkit.whole_files import write_whole

DOCUMENTS = ("matrix.json", "table.txt", "matrix.html")


def perform(spec: Spec, emulator: Emulator, out: Path, room: Room) -> Sheet:
    """Make what is missing of a matrix in the folder `out`, and write its documents there."""
    out = out.resolve()
    with opened(out) as kept:
        cells = [cell for sweep in spec.sweeps for cell in sweep.cells]
        made = make_all([cell.options for cell in cells], kept, emulator, room, spec.name)
        results = iter(made)
        sweeps = [
            SweepSheet(
                sweep.name,
                sweep.question,
                sweep.axes,
                sweep.columns,
                [sheet_of(cell, next(results), out) for cell in sweep.cells],
            )
            for sweep in spec.sweeps
        ]
        sheet = Sheet(spec.name, spec.title, emulator.key, sweeps)
        write_documents(sheet, out)
    return sheet


def write_documents(sheet: Sheet, out: Path) -> None:
    """Write matrix.json, table.txt and matrix.html."""
    from acceptlab.analysis.report.matrix.matrix_html import as_html  # plotly takes long to import
    from acceptlab.analysis.report.matrix.matrix_text import as_text

    with step("writing the tables"):
        texts = (sheet.json_text(), as_text(sheet), as_html(sheet))
        for name, text in zip(DOCUMENTS, texts, strict=True):
            write_whole(out / name, text)


def sheet_of(cell: Cell, result: Result, out: Path) -> CellSheet:
    """Return a result as a sheet has it: paths relative to the matrix, so that the folder can be moved."""
    return CellSheet(
        cell.labels,
        result.state,
        result.reason,
        str(result.folder.relative_to(out)) if result.folder else "",
        result.reproduce,
        result.kernel,
        result.clock or "instructions",
        result.facts,
        result.findings,
        result.undecided,
    )


def exit_code(sheet: Sheet) -> int:
    """Return 1 when a run has findings or did not reach userspace, else 2 or 3 when one could not be made or has no kernel, else 4."""
    return worst((cell.state, cell.code) for cell in sheet.cells)


def worst(runs: Iterable[tuple[str, int]]) -> int:
    """Return the exit code of several runs, each told as (state, code of the run once it is made)."""
    states = {FAILED: EXIT_BAD_INPUT, MISSING: EXIT_MACHINE}
    return heaviest(code if state == DONE else states[state] for state, code in runs)
