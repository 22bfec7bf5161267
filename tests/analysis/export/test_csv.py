# SPDX-License-Identifier: GPL-2.0-only
"""CSV and Parquet hold every event with the names of functions, say what each column is, and reading them back gives the same."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from acceptlab.analysis.export import table_columns
from acceptlab.analysis.export.csv import metadata_of, write_csv
from acceptlab.analysis.export.function_names import FunctionNames
from acceptlab.analysis.export.parquet import write_parquet
from acceptlab.analysis.export.table_columns import ABOUT, CALLER_FUNCTION, FUNCTION, documented
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import ARROW_SCHEMA, COLUMNS, CallerHow, Kind
from tests.analysis.readers.samples import FTRACE, read
from tests.analysis.synthetic import Guest, booted

NAMES = FunctionNames(lambda address, stage: f"f{address:x}+0x4")


def back(path: Path) -> pa.Table:
    types = {field.name: field.type for field in documented("instructions", plain=True)}
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pyarrow.csv.read_csv(path, convert_options=options).select(COLUMNS).cast(ARROW_SCHEMA)


@pytest.mark.parametrize(("batch", "backing"), [(7, "2M"), (1 << 18, "4K")])
def test_a_round_trip_changes_nothing(
    batch: int, backing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_columns, "BATCH_EVENTS", batch)
    run = Run.open(booted(backing=backing).write(tmp_path / "run"))
    seen: list[tuple[int, int]] = []
    events = EventFile(run.events_path)
    progress = lambda done, total: seen.append((done, total))  # noqa: E731
    write_csv(run.info, events, tmp_path / "events.csv", NAMES, progress)
    write_parquet(run.info, events, tmp_path / "x.parquet", NAMES, progress)
    expected = pyarrow.parquet.read_table(run.events_path).to_pylist()
    assert back(tmp_path / "events.csv").to_pylist() == expected
    assert (
        pyarrow.parquet.read_table(tmp_path / "x.parquet").select(COLUMNS).to_pylist() == expected
    )
    assert seen[-1] == (events.events, events.events)


def test_durations_arrive_and_what_is_not_known_is_empty(tmp_path: Path) -> None:
    read(FTRACE.encode(), tmp_path)
    info = booted().info()
    write_csv(
        info, EventFile(tmp_path / "events.parquet"), tmp_path / "events.csv", FunctionNames()
    )
    lines = (tmp_path / "events.csv").read_text().splitlines()
    assert lines[0].replace('"', "").split(",") == [*COLUMNS, FUNCTION, CALLER_FUNCTION]
    assert lines[3] == '2,123457000,0,"kernel","accept",1073741824,6291456,0,,0,0,,100000,0,"",""'


def test_functions_have_names_and_guesses_none(tmp_path: Path) -> None:
    guest = Guest()
    for how in CallerHow:
        guest.event(Kind.ACCEPT, 0x1000, 4096, rip=0x10, caller=0x20, how=int(how))
    run = Run.open(guest.write(tmp_path / "run"))
    write_parquet(run.info, EventFile(run.events_path), tmp_path / "x.parquet", NAMES)
    rows = [
        one
        for one in pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pylist()
        if one["kind"] == "accept"
    ]
    assert {one[FUNCTION] for one in rows} == {"f10"}
    found = {one["caller_how"]: one[CALLER_FUNCTION] for one in rows}
    assert (found["exact"], found["by-scan"], found["guess"]) == ("f20", "~f20", "")


@pytest.mark.parametrize("clock", ["instructions", "ns"])
def test_every_column_says_what_it_is_and_in_which_unit(clock: str, tmp_path: Path) -> None:
    run = Run.open(booted().write(tmp_path / "run", clock=clock))
    events = EventFile(run.events_path)
    write_csv(run.info, events, tmp_path / "events.csv", NAMES)
    write_parquet(run.info, events, tmp_path / "x.parquet", NAMES)
    schema = pyarrow.parquet.read_schema(tmp_path / "x.parquet")
    assert set(schema.names) == set(ABOUT)
    for field in schema:
        assert field.metadata[b"about"].decode() == ABOUT[field.name][1]
    assert schema.field("clock").metadata[b"unit"].decode() == clock
    assert schema.field("gpa").metadata[b"unit"] == b"bytes"
    beside = metadata_of(tmp_path / "events.csv")
    assert beside.name == "events.csv-metadata.json"
    told = json.loads(beside.read_text())
    assert told["url"] == "events.csv"
    described = {one["name"]: one for one in told["tableSchema"]["columns"]}
    assert list(described) == schema.names
    assert described["clock"]["dc:description"] == f"when [{clock}]"
    assert described["carry"]["datatype"] == "unsignedByte"
    assert "accept|rescind" in described["kind"]["datatype"]["format"]
