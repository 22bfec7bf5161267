# SPDX-License-Identifier: GPL-2.0-only
"""From the emulator's raw event stream to events.parquet, in bounded memory.

The same raw bytes give the same parquet bytes. What is wrong with a stream does not stop the
conversion: everything up to the damage is kept, and the file says that it is not complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.trace.event_writer import EventWriter, Records, StreamSummary, to_table
from acceptlab.analysis.trace.prefetch import one_ahead
from acceptlab.analysis.trace.schema import KIND_NAMES, RAW_DTYPE, STAGE_NAMES, Kind

CHUNK_RECORDS = 1 << 20
"""Records per chunk: 72 MiB of raw data at a time."""

Progress = Callable[[int, int], None]


class Completeness:
    """Watches records go by and says whether the stream has all of them.

    A complete stream counts ``seq`` from 0 without a gap and closes with one END record whose
    detail is the number of records before it.
    """

    def __init__(self) -> None:
        self.records = 0
        self.problem: str | None = None
        self._ended = False

    def accept(self, records: Records) -> Records:
        """The records that are usable; anything after an unreadable record is left out."""
        usable = self._up_to_unknown(records)
        if len(usable):
            self._check_order(usable)
            self._check_end(usable)
            self.records += len(usable)
        return usable

    def partial_record(self, size: int) -> None:
        """Note that the stream ends in the middle of a record, ``size`` bytes into it."""
        self._note(f"the stream ends {size} bytes into record {self.records}")

    def finish(self) -> None:
        """Note a missing END record."""
        if not self._ended:
            self._note(f"the stream has no end record; it ends after record {self.records - 1}")

    def _note(self, problem: str) -> None:
        if self.problem is None:
            self.problem = problem

    def _up_to_unknown(self, records: Records) -> Records:
        known = (
            (records["kind"] >= 1)
            & (records["kind"] <= len(KIND_NAMES))
            & (records["stage"] < len(STAGE_NAMES))
        )
        if known.all():
            return records
        first = int(np.argmin(known))
        self._note(f"record {self.records + first} is damaged: unknown kind or stage")
        return records[:first]

    def _check_order(self, records: Records) -> None:
        expected = np.arange(self.records, self.records + len(records), dtype=np.uint64)
        wrong = records["seq"] != expected
        if wrong.any():
            at = int(np.argmax(wrong))
            seq = int(records["seq"][at])
            self._note(
                f"record {self.records + at} has seq {seq}: events are missing or out of order"
            )

    def _check_end(self, records: Records) -> None:
        ends = np.flatnonzero(records["kind"] == Kind.END)
        if self._ended:
            self._note(f"record {self.records} comes after the end record")
        if not len(ends):
            return
        self._ended = True
        at = self.records + int(ends[0])
        if int(records["detail"][ends[0]]) != at:
            counted = int(records["detail"][ends[0]])
            self._note(f"the end record counts {counted} records, the stream has {at}")
        if int(ends[0]) != len(records) - 1:
            self._note(f"record {at + 1} comes after the end record")


def convert_raw(raw: Path, parquet: Path, progress: Progress | None = None) -> StreamSummary:
    """Convert a raw event stream to ``parquet``, written beside and renamed.

    ``progress`` is called with (bytes done, bytes in all). Raises BadInput when ``raw`` cannot
    be read or ``parquet`` cannot be written; damage inside ``raw`` is reported, not raised.
    """
    completeness = Completeness()
    with EventWriter(parquet) as writer:
        tables = map(to_table, _usable_chunks(raw, completeness, progress))
        for table in one_ahead(tables):
            writer.write_table(table)
        completeness.finish()
        return writer.finish(completeness.problem)


def _usable_chunks(
    raw: Path, completeness: Completeness, progress: Progress | None
) -> Iterator[Records]:
    chunk_bytes = CHUNK_RECORDS * RAW_DTYPE.itemsize
    try:
        with raw.open("rb") as file:
            total = raw.stat().st_size
            while data := file.read(chunk_bytes):
                whole = len(data) // RAW_DTYPE.itemsize
                records = np.frombuffer(data, dtype=RAW_DTYPE, count=whole)
                usable = completeness.accept(records)
                if len(usable):
                    yield usable
                if len(usable) < whole:
                    return
                if len(data) % RAW_DTYPE.itemsize:
                    completeness.partial_record(len(data) % RAW_DTYPE.itemsize)
                if progress is not None:
                    progress(file.tell(), total)
    except FileNotFoundError as error:
        raise BadInput(f"no event stream at {raw}: the emulator wrote no events") from error
