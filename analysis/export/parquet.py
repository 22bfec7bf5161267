# SPDX-License-Identifier: GPL-2.0-only
"""Events as Parquet for other tools: the columns of events.parquet and the names of functions, each with unit and meaning as its metadata."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet

from acceptlab.analysis.export.export_progress import Progress
from acceptlab.analysis.export.function_names import FunctionNames
from acceptlab.analysis.export.table_columns import documented, tables
from acceptlab.analysis.files import written_beside
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import EventFile


def write_parquet(
    info: RunInfo,
    events: EventFile,
    path: Path,
    names: FunctionNames,
    progress: Progress | None = None,
) -> None:
    """Write ``path``; raises BadInput when that fails, or when ``events`` is damaged."""
    schema = documented(info.clock)
    with (
        written_beside(path) as beside,
        pyarrow.parquet.ParquetWriter(beside, schema, compression="zstd") as writer,
    ):
        done = 0
        for table in tables(events, names, schema):
            writer.write_table(table)
            done += len(table)
            if progress is not None:
                progress(done, events.events)
