# SPDX-License-Identifier: GPL-2.0-only
"""trace.dat is read through trace-cmd, and where it breaks off is seen without it."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from analysis.errors import BadInput
from analysis.readers import trace_dat as container
from analysis.readers.damage import Damaged
from analysis.run_folder import RunInfo
from analysis.schema import Kind
from tests.analysis.readers.samples import rows
from tests.toolkit.importing.trace_dat_file import trace_dat
from toolkit.errors import MachineError
from toolkit.importing.perform import Request, perform

RANGES = [(0x40000000, 0x40200000), (0x40200000, 0x40600000)]


def imported(data: bytes, folder: Path) -> RunInfo:
    file = folder / "trace.dat"
    file.write_bytes(data)
    shutil.rmtree(folder / "run", ignore_errors=True)
    return perform(Request(file, platform="snp"), folder / "run").info


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_accepts_and_their_durations(pack: type[bytes], tmp_path: Path) -> None:
    info = imported(pack(trace_dat(RANGES)), tmp_path)
    assert info.events.problem is None
    assert info.other["imported"]["format"] == "trace-dat"
    assert rows(tmp_path / "run", "kind", "clock", "gpa", "size", "duration")[:2] == [
        (Kind.ACCEPT, 1_000_001_000, 0x40000000, 0x200000, 500),
        (Kind.ACCEPT, 1_000_002_500, 0x40200000, 0x400000, 500),
    ]
    assert sorted(one.name for one in (tmp_path / "run").iterdir()) == [
        "events.parquet",
        "run.json",
    ]


def test_a_file_cut_at_any_byte_is_seen(tmp_path: Path) -> None:
    data, path = trace_dat(RANGES), tmp_path / "trace.dat"
    path.write_bytes(data)
    container.check(path)
    for cut in reversed(range(10, len(data))):
        os.truncate(path, cut)
        with pytest.raises(Damaged):
            container.check(path)


@pytest.mark.parametrize("cut", [100, 1500, 4096, 5000, 8191])
def test_a_file_cut_short_is_incomplete(cut: int, tmp_path: Path) -> None:
    info = imported(trace_dat(RANGES)[:cut], tmp_path)
    assert info.events.problem is not None and "breaks off at byte" in info.events.problem


def test_a_compressed_file_cut_short_is_incomplete(tmp_path: Path) -> None:
    info = imported(gzip.compress(trace_dat(RANGES))[:-20], tmp_path)
    assert info.events.problem is not None and "gzip data breaks off" in info.events.problem


def test_no_trace_dat_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"something else")
    with pytest.raises(BadInput, match=r"is no trace\.dat"):
        perform(Request(tmp_path / "x", "snp", "trace-dat"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_trace_cmd_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="install the package trace-cmd"):
        imported(trace_dat(RANGES), tmp_path)
