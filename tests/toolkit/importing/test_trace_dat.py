# SPDX-License-Identifier: GPL-2.0-only
"""trace.dat is read through trace-cmd, and where it breaks off is seen without it."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.readers import trace_dat as container
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.schema import Kind
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.importing.trace_import import Request, perform
from tests.analysis.readers.samples import rows
from tests.toolkit.importing.trace_dat_file import trace_dat, trace_dat_7

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


@pytest.mark.parametrize("data", [trace_dat(RANGES), trace_dat_7([[RANGES], [RANGES]])])
@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])
def test_a_file_cut_at_any_byte_is_seen(stride: int, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "trace.dat"
    path.write_bytes(data)
    container.check(path)
    for cut in range(len(data) - 1, 9, -stride):
        os.truncate(path, cut)
        with pytest.raises(Damaged):
            container.check(path)


@pytest.mark.parametrize("cut", [100, 1500, 4096, 5000, 8191])
def test_a_file_cut_short_is_incomplete(cut: int, tmp_path: Path) -> None:
    _, problem, _ = accepted(trace_dat(RANGES)[:cut], tmp_path)
    assert problem is not None and "breaks off at byte" in problem


UNIT = 2 << 20
CPU_0 = [[(gpa, gpa + UNIT) for gpa in range(start, start + 3 * UNIT, UNIT)] for start in (1 << 30, 2 << 30)]  # fmt: skip
CPU_1 = [[(gpa, gpa + UNIT) for gpa in range(3 << 30, (3 << 30) + 2 * UNIT, UNIT)]]
PAGES = 4096
FIRST_PAGE, ENTRY = 16, 28
"""Bytes of a page's header, and of an accept's begin or end in it."""


def accepted(data: bytes, folder: Path) -> tuple[bool, str | None, list[tuple[int | str, ...]]]:
    """Whether there is a run, what is wrong, and the accepts as (vCPU, address)."""
    try:
        info = imported(data, folder)
    except BadInputError as error:
        return False, str(error), []
    found = rows(folder / "run", "kind", "vcpu", "gpa")
    return True, info.events.problem, [row[1:] for row in found if row[0] == Kind.ACCEPT]


def test_version_7_gives_the_accepts_of_all_cpus(tmp_path: Path) -> None:
    _, problem, found = accepted(trace_dat_7([CPU_0, CPU_1]), tmp_path)
    assert problem is None
    by_cpu = [sorted(gpa for cpu, gpa in found if cpu == number) for number in (0, 1)]
    assert by_cpu == [[gpa for page in cpu for gpa, _ in page] for cpu in (CPU_0, CPU_1)]


def test_version_7_cut_behind_its_data_gives_all_of_it(tmp_path: Path) -> None:
    """What tells where the data is comes behind it."""
    data = trace_dat_7([CPU_0, CPU_1])
    _, _, whole = accepted(data, tmp_path)
    _, problem, found = accepted(data[:-1], tmp_path)
    assert found == whole
    assert problem is not None and "breaks off at byte" in problem


def test_version_7_cut_within_its_data_gives_what_comes_before(tmp_path: Path) -> None:
    data = trace_dat_7([CPU_0, CPU_1])
    start = data.index((1_000_000_000).to_bytes(8, "little"))
    assert start % PAGES == 0
    in_order = [gpa for cpu in (CPU_0, CPU_1) for page in cpu for gpa, _ in page]
    for page in range(3):
        for entries in range(0, 7):
            cut = start + page * PAGES + FIRST_PAGE + entries * ENTRY + 5
            is_run, problem, found = accepted(data[:cut], tmp_path)
            before = sum(len(one) for one in (*CPU_0, *CPU_1)[:page])
            here = min((entries + 1) // 2, len((*CPU_0, *CPU_1)[page]))
            assert sorted(gpa for _, gpa in found) == in_order[: before + here], (page, entries)
            assert is_run == bool(found)
            assert problem is not None


def test_version_7_cut_before_its_data_is_refused(tmp_path: Path) -> None:
    for cut in (11, 20, 60, 700, 2000):
        with pytest.raises(BadInputError, match=r"nothing to import: .*byte"):
            imported(trace_dat_7([CPU_0])[:cut], tmp_path)
        assert not (tmp_path / "run").exists()


def test_a_compressed_file_cut_short_is_incomplete(tmp_path: Path) -> None:
    info = imported(gzip.compress(trace_dat(RANGES))[:-20], tmp_path)
    assert info.events.problem is not None and "gzip data breaks off" in info.events.problem


def test_no_trace_dat_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"something else")
    with pytest.raises(BadInput, match=r"is not a trace\.dat file"):
        perform(Request(tmp_path / "x", "snp", "trace-dat"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_trace_cmd_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="install the package trace-cmd"):
        imported(trace_dat(RANGES), tmp_path)
