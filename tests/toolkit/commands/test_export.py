# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab export`: where the file goes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import COLUMNS
from acceptlab.toolkit.errors import BadInputError
from tests.analysis.synthetic import booted
from tests.toolkit.command_line import invoke


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return booted().write(tmp_path / "run")


@pytest.mark.parametrize(("form", "name"), [("perfetto", "events.pftrace"), ("csv", "events.csv")])
def test_the_file_is_in_the_run_unless_told_otherwise(run: Path, form: str, name: str) -> None:
    done = invoke(["export", str(run), "--format", form])
    assert (done.exit_code, done.stdout) == (0, f"{run / name}\n")
    assert (run / name).stat().st_size > 1000


def test_parquet_has_the_same_events_and_the_names_of_functions(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.parquet"
    words = ["export", str(run), "--format", "parquet", "--out", str(out), "--json"]
    done = invoke(words)
    assert json.loads(done.stdout)["events"] == EventFile(run / "events.parquet").events
    told = pyarrow.parquet.read_table(out)
    assert told.column_names == [*COLUMNS, "function", "caller_function"]
    assert told.select(COLUMNS).equals(pyarrow.parquet.read_table(run / "events.parquet"))


def test_the_run_s_own_file_is_not_overwritten(run: Path) -> None:
    before = (run / "events.parquet").read_bytes()
    done = invoke(["export", str(run), "--format", "parquet"])
    assert isinstance(done.exception, BadInputError)
    assert (run / "events.parquet").read_bytes() == before


def test_a_damaged_run_leaves_no_file(run: Path) -> None:
    data = bytearray((run / "events.parquet").read_bytes())
    data[100:200] = bytes(100)
    (run / "events.parquet").write_bytes(data)
    done = invoke(["export", str(run), "--format", "csv"])
    assert done.exit_code != 0
    assert not (run / "events.csv").exists()
