# SPDX-License-Identifier: GPL-2.0-only
"""From the emulator's raw event stream to events.parquet, in bounded memory.

The same raw bytes give the same parquet bytes. What is wrong with a stream does not stop the
conversion: everything up to the damage is kept, and the file says that it is not complete.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import BadInput
from analysis.files import sha256_of, written_beside
from analysis.schema import (
    ARROW_SCHEMA,
    FORMAT,
    KIND_NAMES,
    METADATA_KEY,
    NO_CARRY,
    RAW_DTYPE,
    STAGE_NAMES,
    Kind,
)

CHUNK_RECORDS = 1 << 20
"""Records per chunk and per row group: 72 MiB of raw data at a time."""

_CACHE_RECORDS = 4096

Records = npt.NDArray[np.void]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class StreamSummary:
    """What came of a conversion. ``sha256`` and ``bytes`` are those of the parquet file."""

    events: int
    complete: bool
    problem: str | None
    sha256: str
    bytes: int


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
        self._note(f"the stream breaks off {size} bytes into record {self.records}")

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
            self._note(f"record {self.records + at} has seq {seq}: events are missing or moved")

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
            self._note(f"the end record counts {counted} records, {at} are there")
        if int(ends[0]) != len(records) - 1:
            self._note(f"record {at + 1} comes after the end record")


def convert_raw(raw: Path, parquet: Path, progress: Progress | None = None) -> StreamSummary:
    """Convert a raw event stream to ``parquet``, written beside and renamed.

    ``progress`` is called with (bytes done, bytes in all). Raises BadInput when ``raw`` cannot
    be read or ``parquet`` cannot be written; damage inside ``raw`` is reported, not raised.
    """
    completeness = Completeness()
    with written_beside(parquet) as beside:
        with pq.ParquetWriter(beside, ARROW_SCHEMA, **_writer_options()) as writer:
            tables = map(to_table, _usable_chunks(raw, completeness, progress))
            for table in _one_ahead(tables):
                writer.write_table(table, row_group_size=CHUNK_RECORDS)
            completeness.finish()
            writer.add_key_value_metadata({METADATA_KEY: _metadata(completeness)})
        size = beside.stat().st_size
        digest = sha256_of(beside)
    problem = completeness.problem
    return StreamSummary(completeness.records, problem is None, problem, digest, size)


def to_table(records: Records) -> pa.Table:
    """The columns of ``ARROW_SCHEMA`` for an array of ``RAW_DTYPE``."""
    fields = _transposed(records)
    columns = [_column(fields, field.name) for field in ARROW_SCHEMA]
    return pa.Table.from_arrays(columns, schema=ARROW_SCHEMA)


def _one_ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same tables, each made in a second thread while the one before it is written."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, tables, None)
        while (table := coming.result()) is not None:
            coming = pool.submit(next, tables, None)
            yield table


def _transposed(records: Records) -> dict[str, npt.NDArray[Any]]:
    """One contiguous array per field, copied block by block so that a block stays in cache."""
    names = [name for name in records.dtype.names or () if name != "reserved"]
    fields = {name: np.empty(len(records), records.dtype[name]) for name in names}
    for start in range(0, len(records), _CACHE_RECORDS):
        block = records[start : start + _CACHE_RECORDS]
        for name in names:
            fields[name][start : start + _CACHE_RECORDS] = block[name]
    return fields


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
        raise BadInput(f"no event stream at {raw}: the emulator did not start writing") from error


def _column(fields: dict[str, npt.NDArray[Any]], name: str) -> pa.Array:
    if name == "duration":
        return pa.nulls(len(fields["seq"]), pa.uint64())
    values = fields[name]
    if name == "kind":
        return _named((values - 1).astype(np.int8), KIND_NAMES)
    if name == "stage":
        return _named(values.astype(np.int8), STAGE_NAMES)
    if name == "carry":
        return pa.array(values, mask=values == NO_CARRY)
    return pa.array(values)


def _named(codes: npt.NDArray[np.int8], names: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes, pa.array(names))


def _metadata(completeness: Completeness) -> str:
    about: dict[str, object] = {
        "format": FORMAT,
        "events": completeness.records,
        "complete": completeness.problem is None,
    }
    if completeness.problem is not None:
        about["problem"] = completeness.problem
    return json.dumps(about, sort_keys=True)


def _writer_options() -> dict[str, object]:
    """Counters are stored as differences, everything that repeats as a dictionary."""
    counters = dict.fromkeys(("seq", "clock", "gpa"), "DELTA_BINARY_PACKED")
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in ARROW_SCHEMA.names if name not in counters],
        "column_encoding": counters,
        "write_statistics": ["seq", "clock"],
        "data_page_size": 1 << 20,
    }
