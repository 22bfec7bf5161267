# SPDX-License-Identifier: GPL-2.0-only
"""Ten minutes of spoilt files for every reader (ACCEPTLAB_FUZZ_SECONDS for another time): no crash, no hang, no growth."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.analysis.readers import trace_dat, trace_dat_repair, trace_dat_repair_6
from acceptlab.analysis.readers.damage import Damaged
from tests.analysis.fuzzing import fuzz
from tests.analysis.readers.samples import SAMPLES
from tests.analysis.readers.test_damage import COMPRESSIONS, try_to_read
from tests.toolkit.importing.recorded import recorded
from tests.toolkit.importing.trace_dat_file import trace_dat as sample_trace_dat
from tests.toolkit.importing.trace_dat_file import trace_dat_7

_HEAD = 11
"""Bytes that tell that it is a trace.dat, and of which version."""


@pytest.mark.long
@pytest.mark.fuzz
@pytest.mark.parametrize("form", SAMPLES)
def test_ten_minutes_of_spoilt_files(form: str) -> None:
    assert fuzz(SAMPLES[form](), lambda data: try_to_read(form, data), seed=1) > 0


@pytest.mark.long
@pytest.mark.fuzz
@pytest.mark.parametrize("how", COMPRESSIONS)
def test_ten_minutes_of_spoilt_compressed_files(how: str) -> None:
    packed = COMPRESSIONS[how](SAMPLES["ftrace"]())
    assert fuzz(packed, lambda data: try_to_read("ftrace", data), seed=2) > 0


@pytest.mark.long
@pytest.mark.fuzz
def test_ten_minutes_of_spoilt_trace_dat() -> None:
    def feed(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.dat"
            path.write_bytes(trace_dat.MAGIC + data[len(trace_dat.MAGIC) :])
            try:
                trace_dat.check(path)
            except Damaged as error:
                assert "\n" not in str(error)

    assert fuzz(sample_trace_dat([(0x40000000, 0x40200000)] * 3), feed, seed=3) > 0


@pytest.mark.long
@pytest.mark.fuzz
def test_ten_minutes_of_spoilt_trace_dat_of_version_7() -> None:
    def feed(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.dat"
            path.write_bytes(trace_dat_repair.MAGIC + data[len(trace_dat_repair.MAGIC) :])
            for act in (
                trace_dat.check,
                lambda one: trace_dat_repair.repair(one, Path(folder) / "new"),
            ):
                try:
                    act(path)
                except Damaged as error:
                    assert "\n" not in str(error)

    ranges = [(0x40000000, 0x40200000)] * 3
    assert fuzz(trace_dat_7([[ranges, ranges], [ranges]]), feed, seed=4) > 0


@pytest.mark.long
@pytest.mark.fuzz
@pytest.mark.parametrize(
    ("name", "repair"), [("6", trace_dat_repair_6.repair), ("7-zstd", trace_dat_repair.repair)]
)
def test_ten_minutes_of_spoilt_recorded_trace_dat(
    name: str, repair: Callable[[Path, Path], None]
) -> None:
    whole = recorded(name)

    def feed(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.dat"
            path.write_bytes(whole[:_HEAD] + data[_HEAD:])
            for act in (trace_dat.check, lambda one: repair(one, Path(folder) / "new")):
                try:
                    act(path)
                except Damaged as error:
                    assert "\n" not in str(error)

    assert fuzz(whole, feed, seed=5) > 0
