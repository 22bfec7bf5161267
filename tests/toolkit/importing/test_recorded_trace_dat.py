# SPDX-License-Identifier: GPL-2.0-only
"""trace.dats of a real trace-cmd: all that the emulator saw, and of files that break off all that comes before the end."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.readers import trace_dat
from acceptlab.analysis.trace.schema import PAGE_SIZE, Kind
from acceptlab.toolkit.errors import BadInputError
from tests.analysis.readers.samples import rows
from tests.toolkit.importing.recorded import NAMES, accepted, imported, recorded

ENTRY = 80
"""Bytes from an accept's range to the end of its entry, and some."""
STEPS = 12
CUTS = 61
"""Every so many bytes is one cut in the quick test, at the borders of pages and near the end one at each byte."""
Range = tuple[int, int, int]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_what_the_emulator_saw(name: str, tmp_path: Path) -> None:
    info, found = imported(recorded(name), tmp_path)
    assert info.events.problem is None
    assert found == accepted(name)
    assert sum(map(len, found.values())) > 100_000


def places(data: bytes, folder: Path) -> dict[Range, int]:
    """Where the file has what it tells of each range when it is whole, which is what the emulator saw."""
    imported(data, folder)
    return {one: data.index(struct.pack("<QQ", one[1], one[1] + one[2])) for one in ranges(folder)}


def ranges(folder: Path) -> list[Range]:
    """What was imported, as (vCPU, address, size)."""
    if not (folder / "run" / "events.parquet").is_file():
        return []
    found = rows(folder / "run", "kind", "vcpu", "gpa", "size")
    return [
        (int(vcpu), int(gpa), int(size)) for kind, vcpu, gpa, size in found if kind == Kind.ACCEPT
    ]


@pytest.mark.parametrize("name", ["6", "7"])
def test_a_file_that_breaks_off_gives_all_before_that(name: str, tmp_path: Path) -> None:
    data = recorded(name)
    where = places(data, tmp_path)
    assert len(where) > 100
    first, last = min(where.values()), max(where.values())
    for cut in range(first - 100, last + 200, (last - first) // STEPS):
        if not [one for one, at in where.items() if at + ENTRY < cut]:
            with pytest.raises(BadInputError, match="breaks off at byte"):
                imported(data[:cut], tmp_path)
            continue
        info, _ = imported(data[:cut], tmp_path)
        got = set(ranges(tmp_path))
        assert {one for one, at in where.items() if at + ENTRY < cut} <= got, cut
        assert not {one for one, at in where.items() if at + 16 > cut} & got, cut
        assert info.events.problem is not None and "breaks off at byte" in info.events.problem
        assert replay_run(tmp_path / "run", write=False).verdict == "undecided"


def test_a_compressed_file_that_breaks_off_gives_whole_chunks(tmp_path: Path) -> None:
    """Of each of the two vCPUs it has one, at the border of a page."""
    data, seen = recorded("7-zstd"), accepted("7-zstd")
    second = data.rindex(b"\x28\xb5\x2f\xfd", 0, data.rindex(b"\x28\xb5\x2f\xfd")) - 12
    assert second % PAGE_SIZE == 0, "behind it is one more compressed section"
    end = second + 12 + int.from_bytes(data[second + 4 : second + 8], "little")
    for cut in (second, second + 400, end - 1, end, len(data) - 1):
        info, found = imported(data[:cut], tmp_path)
        assert found == ({0: seen[0]} if cut < end else seen), cut
        assert info.events.problem is not None and "breaks off at byte" in info.events.problem
    with pytest.raises(BadInputError, match="breaks off at byte"):
        imported(data[: second - PAGE_SIZE + 300], tmp_path)


def pages(data: bytes) -> list[int]:
    """The borders of pages, and the bytes beside them: each vCPU's data begin and end at one."""
    borders = range(PAGE_SIZE, len(data) - 1, PAGE_SIZE)
    return [border + beside for border in borders for beside in (-1, 0, 1)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stride", [CUTS, pytest.param(1, marks=pytest.mark.long)])
def test_a_recorded_file_cut_anywhere_is_seen_to_be(stride: int, name: str, tmp_path: Path) -> None:
    """Between two of its parts as well."""
    data, path = recorded(name), tmp_path / "trace.dat"
    path.write_bytes(data)
    trace_dat.check(path)
    for cut in sorted(
        {*range(10, len(data), stride), *range(len(data) - CUTS, len(data)), *pages(data)},
        reverse=True,
    ):
        os.truncate(path, cut)
        with pytest.raises(trace_dat.Damaged):
            trace_dat.check(path)
