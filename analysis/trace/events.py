# SPDX-License-Identifier: GPL-2.0-only
"""Reading events.parquet in batches of plain numpy columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.regular_files import check_regular
from acceptlab.analysis.trace.schema import (
    ADDED_COLUMNS,
    ARROW_SCHEMA,
    CALLER_HOW_NAMES,
    COLUMNS,
    FORMAT,
    KIND_NAMES,
    METADATA_KEY,
    NO_CARRY,
    PAGE_SIZE,
    STAGE_NAMES,
    Kind,
)
from acceptlab.analysis.trace.value_sets import counts_of

BATCH_EVENTS = 1 << 18
"""Events per batch (2 MiB a column, near the cache); also the largest position that ``analysis.pages.page_states`` packs into a key."""

Column = npt.NDArray[Any]
_NOWHERE = np.zeros(0, np.intp)
_NOWHERE.flags.writeable = False


class Batch:
    """Consecutive events. ``batch["gpa"]`` is a numpy array; kinds and stages are their codes.

    ``start`` is the position of the first event in the file. ``carry`` has ``NO_CARRY`` where
    the event has none.
    """

    def __init__(self, start: int, columns: dict[str, Column]) -> None:
        self.start = start
        self._columns = columns

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    @cached_property
    def odd(self) -> npt.NDArray[np.intp]:
        """Positions of the events that were not answered by success with carry clear."""
        return np.flatnonzero((self["result"] != 0) | (self["carry"] == 1))

    @cached_property
    def kinds(self) -> dict[int, int]:
        """How many events there are of each kind."""
        return counts_of(self["kind"])

    @cached_property
    def stages(self) -> dict[int, int]:
        """How many events there are of each stage."""
        return counts_of(self["stage"])

    def of(self, *kinds: Kind) -> npt.NDArray[np.intp]:
        """Positions of the events of these kinds, without a look at all events where there are none."""
        there = [one for one in kinds if one in self.kinds]
        if not there:
            return _NOWHERE
        found = self["kind"] == there[0]
        for other in there[1:]:
            found |= self["kind"] == other
        return np.flatnonzero(found)

    def number_of(self, *kinds: Kind) -> int:
        """How many events are of these kinds."""
        return sum(self.kinds.get(one, 0) for one in kinds)

    @cached_property
    def page_sized(self) -> npt.NDArray[np.bool_]:
        """Which events are of 4 KiB."""
        return np.asarray(self["size"] == PAGE_SIZE)

    def cut(self, start: int, stop: int) -> Batch:
        """Events ``start`` to ``stop`` of this batch, sharing memory."""
        if start == 0 and stop >= len(self):
            return self
        columns = {name: column[start:stop] for name, column in self._columns.items()}
        return Batch(self.start + start, columns)

    def take(self, positions: npt.NDArray[np.intp]) -> dict[str, Column]:
        """The columns at ``positions``, as a plain dict."""
        return {name: column[positions] for name, column in self._columns.items()}


class EventFile:
    """An events.parquet. Raises BadInput, in one line, for whatever is wrong with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        check_regular(path)
        with _one_line(path):
            self._file = pq.ParquetFile(path)
            schema = self._file.schema_arrow
            self._missing = {name for name in COLUMNS if schema.get_field_index(name) < 0}
        if missing := [name for name in COLUMNS if name in self._missing - ADDED_COLUMNS]:
            raise BadInput(f"{path} is not an event file: column {missing[0]} is missing")
        for wanted in (one for one in ARROW_SCHEMA if one.name not in self._missing):
            found = schema.field(wanted.name).type
            if not _same_type(found, wanted.type):
                raise BadInput(
                    f"{path} is not an event file: column {wanted.name} has type {found}"
                )
        about = self._about()
        self.events: int = self._file.metadata.num_rows
        self.complete = about.get("complete") is True and about.get("events") == self.events
        self.problem = self._problem(about)

    def batches(
        self, columns: Sequence[str] = COLUMNS, batch_events: int = BATCH_EVENTS
    ) -> Iterator[Batch]:
        """All events in order. Only ``columns`` are read."""
        yield from self._batches(
            columns, batch_events, range(self._file.metadata.num_row_groups), 0
        )

    def groups_of(self, positions: npt.NDArray[np.intp]) -> set[int]:
        """The row groups that hold the events at ``positions``."""
        return set(np.searchsorted(self._group_ends, positions, side="right").tolist())

    def batches_of(self, groups: Iterable[int], columns: Sequence[str]) -> Iterator[Batch]:
        """The events of some row groups, in order."""
        for group in sorted(groups):
            start = int(self._group_ends[group - 1]) if group else 0
            yield from self._batches(columns, BATCH_EVENTS, [group], start)

    @cached_property
    def _group_ends(self) -> npt.NDArray[np.int64]:
        about = self._file.metadata
        return np.cumsum([about.row_group(one).num_rows for one in range(about.num_row_groups)])

    def _batches(
        self, columns: Sequence[str], batch_events: int, groups: Sequence[int], start: int
    ) -> Iterator[Batch]:
        with _one_line(self.path):
            there = [name for name in columns if name not in self._missing]
            threads = (
                self.events > BATCH_EVENTS
            )  # for one batch they take longer to start than to read
            for chunk in self._file.iter_batches(
                batch_events, list(groups), there, use_threads=threads
            ):
                plain = {name: _plain(chunk.column(name), name) for name in there}
                plain |= dict.fromkeys(
                    self._missing.intersection(columns), np.zeros(chunk.num_rows, np.uint8)
                )
                yield Batch(start, plain)
                start += chunk.num_rows

    def tables(self, batch_events: int = BATCH_EVENTS) -> Iterator[pa.Table]:
        """All events in order, as they are in the file; a column that it lacks is null."""
        with _one_line(self.path):
            for chunk in self._file.iter_batches(batch_events):
                table = pa.Table.from_batches([chunk])
                for name in sorted(self._missing):
                    nulls = pa.nulls(len(table), ARROW_SCHEMA.field(name).type)
                    table = table.append_column(name, nulls)
                yield table.select(COLUMNS) if self._missing else table

    def clock_range(self) -> tuple[int, int]:
        """Smallest and largest clock, from the statistics of the file; (0, 0) if there are none."""
        place = self._file.schema_arrow.names.index("clock")
        groups = range(self._file.metadata.num_row_groups)
        found = [self._file.metadata.row_group(group).column(place).statistics for group in groups]
        known = [one for one in found if one is not None and one.has_min_max]
        if not known:
            return 0, 0
        return min(int(one.min) for one in known), max(int(one.max) for one in known)

    def _about(self) -> dict[str, Any]:
        try:
            about = json.loads((self._file.metadata.metadata or {})[METADATA_KEY])
        except (KeyError, ValueError) as error:
            raise BadInput(f"{self.path} has no format marker: not written by acceptlab") from error
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise BadInput(
                f"{self.path} does not have format {FORMAT}; use the acceptlab version that wrote it"
            )
        return about

    def _problem(self, about: dict[str, Any]) -> str | None:
        if self.complete:
            return None
        return str(about.get("problem") or f"{about.get('events')} events were written")


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column can be read as ``wanted``: names may be in a dictionary, whatever counts its entries."""
    if isinstance(wanted, pa.DictionaryType):
        wanted = wanted.value_type
        found = found.value_type if isinstance(found, pa.DictionaryType) else found
    return bool(found == wanted)


def _plain(column: pa.Array, name: str) -> Column:
    if name == "kind":
        return _codes(column, KIND_NAMES, 1)
    if name == "stage":
        return _codes(column, STAGE_NAMES, 0)
    if name == "caller_how":
        known = _known(column.indices) if column.null_count else True
        return np.where(known, _codes(column, CALLER_HOW_NAMES, 1, True), 0).astype(np.uint8)
    values = _values(column)
    if not column.null_count:
        return values
    known = _known(column)
    return np.where(known, values, NO_CARRY if name == "carry" else 0).astype(values.dtype)


def _values(column: pa.Array) -> Column:
    """The values of a column of numbers; what stands where it is null means nothing.

    Taken from its buffer: pyarrow's own conversions load pandas first, whether they need it or not.
    """
    kind = np.dtype(str(column.type))
    if not len(column):
        return np.zeros(0, kind)
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind.itemsize)


def _known(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a column that has nulls is not null."""
    bits = np.frombuffer(column.buffers()[0], np.uint8)
    start = column.offset % 8
    part = np.unpackbits(bits[column.offset // 8 :], bitorder="little", count=start + len(column))
    return part[start:].view(np.bool_)


def _codes(
    column: pa.DictionaryArray, names: list[str], base: int, nulls: bool = False
) -> npt.NDArray[np.uint8]:
    """Codes of the raw record for a dictionary column, whatever the order of its dictionary.

    What stands where it is null means nothing; without ``nulls`` there may be none.
    """
    if not isinstance(column, pa.DictionaryArray):
        column = column.dictionary_encode()
    dictionary = column.dictionary.to_pylist()
    unknown = [name for name in dictionary if name not in names]
    if unknown or (column.null_count and not nulls):
        raise BadInput(f"it contains an event of an unknown kind or stage: {unknown[:1] or 'null'}")
    table = np.zeros(256, np.uint8)
    table[: len(dictionary)] = [names.index(name) + base for name in dictionary]
    return recoded(_values(column.indices).astype(np.uint8), table)


def recoded(codes: npt.NDArray[np.uint8], table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``table[codes]`` for a table of 256 bytes, several times as fast."""
    return np.frombuffer(bytearray(codes.tobytes().translate(table.tobytes())), np.uint8)


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BadInput(f"no {path}: record the run again") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first_line = str(error).splitlines()[0] if str(error) else "unreadable"
        raise BadInput(f"{path} is truncated or damaged ({first_line})") from error
