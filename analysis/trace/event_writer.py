# SPDX-License-Identifier: GPL-2.0-only
"""Writing events.parquet: chunks of raw records, and durations where somebody measured them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from acceptlab.analysis.files import sha256_of, written_beside
from acceptlab.analysis.trace.schema import (
    ARROW_SCHEMA,
    CALLER_HOW_NAMES,
    FORMAT,
    KIND_NAMES,
    METADATA_KEY,
    NO_CARRY,
    STAGE_NAMES,
)

GROUP_RECORDS = 1 << 20
"""Records per row group at most: 72 MiB of raw data."""
NOT_MEASURED = (1 << 64) - 1
"""In an array of durations: nothing measured this one; null in the parquet column."""

_CACHE_RECORDS = 4096

Records = npt.NDArray[np.void]
Durations = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class StreamSummary:
    """What came of a conversion. ``sha256`` and ``bytes`` are those of the parquet file."""

    events: int
    complete: bool
    problem: str | None
    sha256: str
    bytes: int


class EventWriter:
    """An events.parquet in the making: beside its final name until the block is left.

    The same chunks give the same bytes. A block that ends in an error leaves nothing; one that is
    left without ``finish`` leaves a file that says so. Raises BadInput when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.events = 0
        self._path = path
        self._stack = ExitStack()
        self._summary: StreamSummary | None = None

    def __enter__(self) -> Self:
        self._beside = self._stack.enter_context(written_beside(self._path))
        writer = pq.ParquetWriter(self._beside, ARROW_SCHEMA, **_writer_options())
        self._writer = self._stack.enter_context(writer)
        self._stack.push(self._finish_if_forgotten)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, at)

    def write(self, records: Records, durations: Durations | None = None) -> None:
        """Append an array of ``RAW_DTYPE``; ``durations`` are in units of the clock."""
        self.write_table(to_table(records, durations))

    def write_table(self, table: pa.Table) -> None:
        """Append what ``to_table`` made."""
        self._writer.write_table(table, row_group_size=GROUP_RECORDS)
        self.events += len(table)

    def finish(self, problem: str | None) -> StreamSummary:
        """Close the file; ``problem`` says why the trace is not complete, None that it is."""
        self._writer.add_key_value_metadata({METADATA_KEY: _metadata(self.events, problem)})
        self._writer.close()
        size, digest = self._beside.stat().st_size, sha256_of(self._beside)
        self._summary = StreamSummary(self.events, problem is None, problem, digest, size)
        return self._summary

    def _finish_if_forgotten(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._summary is None:
            self.finish("the recorder stopped before the end of the run")


def to_table(records: Records, durations: Durations | None = None) -> pa.Table:
    """The columns of ``ARROW_SCHEMA`` for an array of ``RAW_DTYPE``."""
    fields: dict[str, npt.NDArray[Any] | None] = {**_transposed(records), "duration": durations}
    columns = [_column(fields, field.name) for field in ARROW_SCHEMA]
    return pa.Table.from_arrays(columns, schema=ARROW_SCHEMA)


def _transposed(records: Records) -> dict[str, npt.NDArray[Any]]:
    """One contiguous array per field, copied block by block so that a block stays in cache."""
    names = [name for name in records.dtype.names or () if name != "reserved"]
    fields = {name: np.empty(len(records), records.dtype[name]) for name in names}
    for start in range(0, len(records), _CACHE_RECORDS):
        block = records[start : start + _CACHE_RECORDS]
        for name in names:
            fields[name][start : start + _CACHE_RECORDS] = block[name]
    return fields


def _column(fields: dict[str, npt.NDArray[Any] | None], name: str) -> pa.Array:
    values, seq = fields[name], fields["seq"]
    if values is None:
        return pa.nulls(0 if seq is None else len(seq), pa.uint64())
    if name == "kind":
        return _named((values - 1).astype(np.int8), KIND_NAMES)
    if name == "stage":
        return _named(values.astype(np.int8), STAGE_NAMES)
    if name == "caller_how":
        known = (values > 0) & (values <= len(CALLER_HOW_NAMES))
        return _named((values - 1).astype(np.int8), CALLER_HOW_NAMES, ~known)
    if name == "carry":
        return _array(values, values == NO_CARRY)
    if name == "duration":
        return _array(values, values == NOT_MEASURED)
    return _array(values)


def _array(values: npt.NDArray[Any], null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """The values as a column, without those that are null.

    Made of buffers: pyarrow's own conversions load pandas first, which takes longer than all else that is done to a small run.
    """
    absent, known = 0, None
    if null is not None and null.any():
        absent = int(np.count_nonzero(null))
        known = pa.py_buffer(np.packbits(~null, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(values))
    kind = pa.type_for_alias(values.dtype.name)
    return pa.Array.from_buffers(kind, len(values), [known, data], absent)


def _texts(texts: list[str]) -> pa.StringArray:
    """Strings as a column, made of buffers as well."""
    data = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, data)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(data), pa.py_buffer(ends), pa.py_buffer(b"".join(data)))


def _named(
    codes: npt.NDArray[np.int8], names: list[str], null: npt.NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(_array(codes, null), _texts(names))


def _metadata(events: int, problem: str | None) -> str:
    about: dict[str, object] = {"format": FORMAT, "events": events, "complete": problem is None}
    if problem is not None:
        about["problem"] = problem
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
