# SPDX-License-Identifier: GPL-2.0-only
"""From raw records to events.parquet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.trace import stream
from acceptlab.analysis.trace.event_writer import StreamSummary
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import COLUMNS, NO_CARRY, RAW_DTYPE, Kind
from acceptlab.analysis.trace.stream import convert_raw
from tests.analysis.synthetic import booted


@pytest.fixture(scope="module")
def records() -> np.ndarray:
    return booted(backing="4K").records()


def convert(tmp_path: Path, data: bytes) -> tuple[StreamSummary, EventFile]:
    raw, parquet = tmp_path / "events.raw", tmp_path / "events.parquet"
    raw.write_bytes(data)
    summary = convert_raw(raw, parquet)
    return summary, EventFile(parquet)


def test_every_field_of_every_record_arrives(tmp_path: Path, records: np.ndarray) -> None:
    _, events = convert(tmp_path, records.tobytes())
    batches = list(events.batches(batch_events=1000))
    for name in set(COLUMNS) - {"duration"}:
        got = np.concatenate([batch[name] for batch in batches])
        np.testing.assert_array_equal(got, records[name], err_msg=name)


def test_a_stranger_reads_it_with_pandas(tmp_path: Path, records: np.ndarray) -> None:
    convert(tmp_path, records.tobytes())
    frame = pd.read_parquet(tmp_path / "events.parquet")
    accepts = frame[frame["kind"] == "accept"]
    assert len(accepts) == int((records["kind"] == Kind.ACCEPT).sum())
    assert frame["stage"].iloc[-1] == "userspace"
    assert frame["carry"].isna().sum() == int((records["carry"] == NO_CARRY).sum())
    assert frame["duration"].isna().all()


@pytest.mark.processes
def test_writing_does_not_wait_for_pandas(tmp_path: Path, records: np.ndarray) -> None:
    """To load it takes longer than to write a small run."""
    (tmp_path / "events.raw").write_bytes(records.tobytes())
    code = (
        "import sys; from pathlib import Path; from acceptlab.analysis.trace.stream import convert_raw; "
        "convert_raw(*map(Path, sys.argv[1:])); sys.exit('pandas' in sys.modules)"
    )
    words = [sys.executable, "-c", code, tmp_path / "events.raw", tmp_path / "events.parquet"]
    assert subprocess.run(words, check=False).returncode == 0
    assert EventFile(tmp_path / "events.parquet").events == len(records)


def test_the_same_records_give_the_same_bytes(tmp_path: Path, records: np.ndarray) -> None:
    first, _ = convert(tmp_path, records.tobytes())
    kept = (tmp_path / "events.parquet").read_bytes()
    second, _ = convert(tmp_path, records.tobytes())
    assert kept == (tmp_path / "events.parquet").read_bytes()
    assert first == second


def test_chunks_do_not_show(
    tmp_path: Path, records: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHUNK_RECORDS", 100)
    summary, events = convert(tmp_path, records.tobytes())
    assert summary.complete
    got = np.concatenate([batch["gpa"] for batch in events.batches()])
    np.testing.assert_array_equal(got, records["gpa"])


def test_a_complete_stream_says_so(tmp_path: Path, records: np.ndarray) -> None:
    summary, events = convert(tmp_path, records.tobytes())
    assert (summary.complete, summary.problem, summary.events) == (True, None, len(records))
    assert events.complete and events.problem is None


@pytest.mark.parametrize("cut", [1, 8, RAW_DTYPE.itemsize - 1])
def test_a_partial_last_record_keeps_all_before_it(
    tmp_path: Path, records: np.ndarray, cut: int
) -> None:
    summary, events = convert(tmp_path, records[:50].tobytes() + records[50:51].tobytes()[:cut])
    assert summary.events == events.events == 50
    assert not summary.complete and "record 50" in str(summary.problem)
    assert not events.complete and events.problem == summary.problem


def test_a_missing_end_record_is_noticed(tmp_path: Path, records: np.ndarray) -> None:
    summary, _ = convert(tmp_path, records[:-1].tobytes())
    assert "no end record" in str(summary.problem)


def test_an_empty_stream_is_incomplete(tmp_path: Path) -> None:
    summary, events = convert(tmp_path, b"")
    assert summary.events == 0 and not summary.complete
    assert list(events.batches()) == []


def test_a_gap_is_noticed_where_it_is(tmp_path: Path, records: np.ndarray) -> None:
    summary, _ = convert(tmp_path, np.delete(records, 20).tobytes())
    assert "record 20 has seq 21" in str(summary.problem)
    assert summary.events == len(records) - 1


def test_an_end_record_that_counts_wrong_is_noticed(tmp_path: Path, records: np.ndarray) -> None:
    changed = records.copy()
    changed["detail"][-1] += 1
    assert "end record counts" in str(convert(tmp_path, changed.tobytes())[0].problem)


def test_events_behind_the_end_are_noticed(tmp_path: Path, records: np.ndarray) -> None:
    changed = np.concatenate([records, records[-1:]])
    changed["seq"][-1] += 1
    changed["kind"][-1] = Kind.ACCEPT
    assert "after the end" in str(convert(tmp_path, changed.tobytes())[0].problem)


@pytest.mark.parametrize(("field", "value"), [("kind", 0), ("kind", 99), ("stage", 7)])
def test_a_damaged_record_ends_the_usable_part(
    tmp_path: Path, records: np.ndarray, field: str, value: int
) -> None:
    changed = records.copy()
    changed[field][30] = value
    summary, events = convert(tmp_path, changed.tobytes())
    assert summary.events == events.events == 30
    assert "record 30 is damaged" in str(summary.problem)


def test_no_stream_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no event stream"):
        convert_raw(tmp_path / "none.raw", tmp_path / "events.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, records: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    (tmp_path / "events.parquet").write_text("the old one")
    with pytest.raises(BadInput, match="No space left"):
        convert(tmp_path, records.tobytes())
    assert (tmp_path / "events.parquet").read_text() == "the old one"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["events.parquet", "events.raw"]
