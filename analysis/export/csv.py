# SPDX-License-Identifier: GPL-2.0-only
"""Events as CSV: the columns of events.parquet, numbers in decimal, nothing where there is no value."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from acceptlab.analysis.export.export_progress import Progress
from acceptlab.analysis.files import written_beside
from acceptlab.analysis.trace.events import BATCH_EVENTS, EventFile
from acceptlab.analysis.trace.schema import ARROW_SCHEMA

_SCHEMA = pa.schema(
    [
        pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type)
        for one in ARROW_SCHEMA
    ]
)


def write_csv(events: EventFile, path: Path, progress: Progress | None = None) -> None:
    """Write ``path``; raises BadInput when that fails, or when ``events`` is damaged."""
    with written_beside(path) as beside, pa.csv.CSVWriter(beside, _SCHEMA) as writer:
        done = 0
        for table in events.tables(BATCH_EVENTS):
            writer.write_table(table.cast(_SCHEMA))
            done += len(table)
            if progress is not None:
                progress(done, events.events)
