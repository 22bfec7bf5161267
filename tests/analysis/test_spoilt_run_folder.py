# SPDX-License-Identifier: GPL-2.0-only
"""A run folder of which one file is spoilt: one line about it, or a verdict; no crash, no hang, no growth.

What is in the file's place is read as it stands: the checksum, which would refuse most of it at once, is not asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.explain.life import life_of
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.kernel.symbols import NO_SYMBOLS
from acceptlab.analysis.run.console import read_console
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import ARROW_SCHEMA, FORMAT, METADATA_KEY
from acceptlab.analysis.trace.stream import convert_raw
from tests.analysis.fuzzing import fuzz, spoil
from tests.analysis.synthetic import MIB, Guest, Layout

QUICK = 20
"""Spoilt files in a quick test."""
FILES = ("events.parquet", "run.json", "console.log", "0000-kernel.bitmap", "0000-kernel.pages")


def folder_of(scratch: Path) -> Path:
    """A small run that was interesting: shared pages, refused accepts, snapshots, a console."""
    guest = Guest("snp", "lazy", "2M", layout=Layout(low=32 * MIB, top=64 * MIB))
    guest.boot()
    guest.end()
    return guest.write(scratch / "run")


def place_of(folder: Path, name: str) -> Path:
    return folder / ("bitmap" if name[0] == "0" else "") / name


def judge_spoilt(folder: Path, path: Path) -> Callable[[bytes], None]:
    """What reads all of a folder, with the bytes in the place of ``path``."""

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        try:
            run = Run.open(folder)
            read_console(run.console_path)
            judge(run)
            life_of(run, 16 * MIB, NO_SYMBOLS)
        except BadInput as error:
            assert str(error).strip() and "\n" not in str(error)

    return feed


def convert_spoilt(scratch: Path) -> Callable[[bytes], None]:
    """What makes events of a raw stream."""

    def feed(data: bytes) -> None:
        (scratch / "events.raw").write_bytes(data)
        problem = convert_raw(scratch / "events.raw", scratch / "events.parquet").problem
        assert problem is None or (problem.strip() and "\n" not in problem)

    return feed


def raw_sample() -> bytes:
    guest = Guest("tdx", "lazy", "2M", layout=Layout(low=32 * MIB, top=64 * MIB))
    guest.boot()
    guest.end()
    return guest.records().tobytes()


def quickly(sample: bytes, feed: Callable[[bytes], None], seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(QUICK):
        feed(spoil(bytearray(sample), chance))


@pytest.mark.parametrize("name", FILES)
def test_a_spoilt_file_of_a_run_is_one_line_or_a_verdict(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    path = place_of(folder, name)
    quickly(path.read_bytes(), judge_spoilt(folder, path), seed=11)


def test_a_spoilt_raw_stream_is_events_up_to_the_damage(tmp_path: Path) -> None:
    quickly(raw_sample(), convert_spoilt(tmp_path), seed=12)


@pytest.mark.parametrize("other", [pa.null(), pa.int8(), pa.string()])
def test_a_column_of_another_type_is_one_line(other: pa.DataType, tmp_path: Path) -> None:
    schema = ARROW_SCHEMA.set(
        ARROW_SCHEMA.get_field_index("detail"), pa.field("detail", other)
    ).with_metadata({METADATA_KEY: f'{{"format": {FORMAT}, "events": 0, "complete": true}}'})
    pq.write_table(schema.empty_table(), tmp_path / "events.parquet")
    with pytest.raises(BadInput, match="column detail has type"):
        EventFile(tmp_path / "events.parquet")


@pytest.mark.long
@pytest.mark.fuzz
@pytest.mark.parametrize("name", FILES)
def test_ten_minutes_of_spoilt_files_of_a_run(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    path = place_of(folder, name)
    assert fuzz(path.read_bytes(), judge_spoilt(folder, path), seed=13) > 0


@pytest.mark.long
@pytest.mark.fuzz
def test_ten_minutes_of_spoilt_raw_streams(tmp_path: Path) -> None:
    assert fuzz(raw_sample(), convert_spoilt(tmp_path), seed=14) > 0
