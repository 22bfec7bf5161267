# SPDX-License-Identifier: GPL-2.0-only
"""A run folder that is readable at every moment of a collection, and says that it is incomplete until the end has come.

Records are appended to events.raw as they come. Now and then, whenever there are twice as many, events.parquet is rewritten from
it, so that whoever kills the collector finds what there was; at the end it is made once more, and events.raw goes.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from acceptlab.analysis.kernel.symbol_recorder import write_run
from acceptlab.analysis.run.run_folder import write_run_json
from acceptlab.analysis.run.run_info import EventsInfo, RunInfo
from acceptlab.analysis.trace.event_writer import StreamSummary
from acceptlab.analysis.trace.stream import convert_raw
from acceptlab.toolkit.places import cache

RAW = "events.raw"
_UNFINISHED = "the collector was killed: events.parquet is partial, the rest is in events.raw"
_EVERY = 5.0
"""Least seconds between two times that events.parquet is written."""


class Spool:
    """The folder of a collection that goes on. ``info`` is what is known of the run so far."""

    def __init__(self, folder: Path, info: RunInfo) -> None:
        self.folder = folder
        self.raw = folder / RAW
        self.parquet = folder / "events.parquet"
        self._file = self.raw.open("wb")
        self._size = self._kept = 0
        self._next = time.monotonic() + _EVERY
        self._writer: threading.Thread | None = None
        convert_raw(self.raw, self.parquet)
        write_run_json(folder, replace(info, events=EventsInfo(problem=_UNFINISHED)))

    def write(self, records: bytes) -> None:
        """Append whole records. Raises OSError when there is no room."""
        if records:
            self._file.write(records)
            self._file.flush()
            self._size += len(records)

    def keep_up(self) -> None:
        """Rewrite events.parquet, beside the collection, if it is time to."""
        busy = self._writer is not None and self._writer.is_alive()
        if busy or time.monotonic() < self._next or self._size < 2 * self._kept or not self._size:
            return
        self._kept = self._size
        self._next = time.monotonic() + _EVERY
        self._writer = threading.Thread(target=convert_raw, args=(self.raw, self.parquet))
        self._writer.start()

    def finish(self) -> StreamSummary:
        """Write events.parquet from all records; run.json still says that the run is incomplete."""
        if self._writer is not None:
            self._writer.join()
        self._file.close()
        return convert_raw(self.raw, self.parquet)

    def close(self, info: RunInfo) -> None:
        """Write run.json as it stays, and remove the records that events.parquet has now."""
        write_run(self.folder, info, cache() / "symbols")
        self.raw.unlink()
