# SPDX-License-Identifier: GPL-2.0-only
"""Events as CSV: the columns of events.parquet and the names of functions, numbers in decimal, nothing where there is no value.

Beside it lies what each column is, where readers of CSV on the Web look for it: events.csv-metadata.json.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from acceptlab.analysis.export.export_progress import Progress
from acceptlab.analysis.export.function_names import FunctionNames
from acceptlab.analysis.export.table_columns import csvw_text, documented, tables
from acceptlab.analysis.files import write_text, written_beside
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import EventFile

_BESIDE = "-metadata.json"
"""What follows the file's name in that of its metadata (W3C, Model for Tabular Data, 5.3)."""


def write_csv(
    info: RunInfo,
    events: EventFile,
    path: Path,
    names: FunctionNames,
    progress: Progress | None = None,
) -> None:
    """Write ``path`` and its metadata; raises BadInput when that fails, or when ``events`` is damaged."""
    schema = documented(info.clock, plain=True)
    with written_beside(path) as beside, pa.csv.CSVWriter(beside, schema) as writer:
        done = 0
        for table in tables(events, names, schema):
            writer.write_table(table)
            done += len(table)
            if progress is not None:
                progress(done, events.events)
    write_text(metadata_of(path), csvw_text(path.name, info.clock))


def metadata_of(path: Path) -> Path:
    """The file that says what the columns of a CSV file are."""
    return path.with_name(path.name + _BESIDE)
