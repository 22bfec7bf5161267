# SPDX-License-Identifier: GPL-2.0-only
"""CSV holds every event, and reading it back gives the same."""

from __future__ import annotations

from pathlib import Path

import pyarrow.csv
import pytest

from acceptlab.analysis.export import csv
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import ARROW_SCHEMA, COLUMNS
from tests.analysis.readers.samples import FTRACE, read
from tests.analysis.synthetic import booted


def back(path: Path) -> pyarrow.Table:
    types = {field.name: field.type for field in csv._SCHEMA}
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pyarrow.csv.read_csv(path, convert_options=options).cast(ARROW_SCHEMA)


@pytest.mark.parametrize("batch", [7, 1 << 18])
def test_a_round_trip_changes_nothing(
    batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv, "BATCH_EVENTS", batch)
    run = booted(backing="4K").write(tmp_path / "run")
    seen: list[tuple[int, int]] = []
    events = EventFile(run / "events.parquet")
    csv.write_csv(events, tmp_path / "events.csv", lambda done, total: seen.append((done, total)))
    expected = pyarrow.parquet.read_table(run / "events.parquet")
    assert back(tmp_path / "events.csv").to_pylist() == expected.to_pylist()
    assert seen[-1] == (events.events, events.events)


def test_durations_arrive_and_what_is_not_known_is_empty(tmp_path: Path) -> None:
    read(FTRACE.encode(), tmp_path)
    csv.write_csv(EventFile(tmp_path / "events.parquet"), tmp_path / "events.csv")
    lines = (tmp_path / "events.csv").read_text().splitlines()
    assert lines[0].replace('"', "").split(",") == COLUMNS
    assert lines[3] == '2,123457000,0,"kernel","accept",1073741824,6291456,0,,0,0,,100000,0'
