# SPDX-License-Identifier: GPL-2.0-only
"""Whatever bytes a reader gets: events up to the damage, one line about it, and no clean verdict."""

from __future__ import annotations

import gzip
import lzma
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.readers.detect import READERS
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import EventsInfo, RunInfo
from tests.analysis.readers.samples import SAMPLES, TELLS_ITS_END, read, rows
from tests.examples import examples


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder of its own even for every example of a property."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def verdict_on(folder: Path, form: str, data: bytes) -> str:
    """The verdict when run.json claims that nothing is absent: only completeness is left to object."""
    events = read(data, folder, form).events
    about = EventsInfo(events.events, events.complete, events.problem, events.sha256)
    return judge(Run(folder, RunInfo("snp", "ns", "userspace", events=about))).verdict


_STRIDE = 13
"""Of a sample's bytes so many are one cut in the quick test: lines and records differ in length from it, so all their bytes have turns."""


@pytest.mark.parametrize("form", SAMPLES)
@pytest.mark.parametrize("stride", [_STRIDE, pytest.param(1, marks=pytest.mark.long)])
def test_a_file_cut_at_any_byte_is_incomplete_and_not_clean(
    stride: int, form: str, scratch: Path
) -> None:
    data = SAMPLES[form]()
    read(data, scratch, form)
    whole = rows(scratch, "kind", "clock", "gpa", "size")
    for cut in sorted({*range(0, len(data), stride), *range(len(data) - 2 * _STRIDE, len(data))}):
        found = read(data[:cut], scratch, form)
        assert not found.events.complete, cut
        kept = rows(scratch, "kind", "clock", "gpa", "size") if found.events.events else []
        assert kept == whole[: len(kept)], cut
    for cut in range(0, len(data), max(len(data) // (60 // stride + 1), 1)):
        assert verdict_on(scratch, form, data[:cut]) != "clean", cut


@pytest.mark.parametrize("form", TELLS_ITS_END)
def test_the_whole_file_is_complete(form: str, scratch: Path) -> None:
    assert read(SAMPLES[form](), scratch, form).events.complete


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("form", SAMPLES)
def test_compressed_files_give_the_same_events(form: str, how: str, scratch: Path) -> None:
    data = SAMPLES[form]()
    plain = read(data, scratch).events
    assert read(COMPRESSIONS[how](data), scratch).events == plain


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("stride", [_STRIDE, pytest.param(1, marks=pytest.mark.long)])
def test_a_compressed_file_cut_at_any_byte_is_incomplete(
    stride: int, how: str, scratch: Path
) -> None:
    data = COMPRESSIONS[how](SAMPLES["emulator"]())
    for cut in sorted({*range(6, len(data), stride), *range(len(data) - 2 * _STRIDE, len(data))}):
        found = read(data[:cut], scratch, "emulator")
        assert not found.events.complete, cut


@pytest.mark.parametrize("how", COMPRESSIONS)
def test_two_compressed_parts_are_one_file(how: str, scratch: Path) -> None:
    data = SAMPLES["ftrace"]()
    parts = COMPRESSIONS[how](data[:700]) + COMPRESSIONS[how](data[700:])
    assert read(parts, scratch).events == read(data, scratch).events


@pytest.mark.parametrize("how", COMPRESSIONS)
def test_damage_inside_a_compressed_file_is_told(how: str, scratch: Path) -> None:
    data = bytearray(COMPRESSIONS[how](SAMPLES["emulator"]()))
    data[-9] ^= 0xFF
    problem = read(bytes(data), scratch, "emulator").events.problem
    assert problem is not None


def test_a_damaged_entry_is_missed_and_told_by_its_number(scratch: Path) -> None:
    lines = SAMPLES["ftrace"]().decode().splitlines()
    lines[9] = "\x00\x01garbage"
    found = read(("\n".join(lines) + "\n").encode(), scratch)
    assert found.events.problem is not None
    assert found.events.problem.startswith("7 of 8 entries are there (no entry: line 10: ")
    assert found.events.events == 6


def test_a_damaged_record_is_told_by_number_and_byte(scratch: Path) -> None:
    data = bytearray(SAMPLES["emulator"]())
    data[72 * 5 + 66] = 99
    problem = read(bytes(data), scratch).events.problem
    assert problem == "record 5 is damaged: unknown kind or stage (5 records (360 bytes) were read)"


@pytest.mark.parametrize("form", ["ftrace", "perf-script", "text", "qemu-log"])
def test_an_endless_line_is_not_taken_into_memory(form: str, scratch: Path) -> None:
    found = read(b"x" * 20_000_000, scratch, form)
    assert found.events.problem == "line 1: longer than 8192 bytes"


# --- any bytes at all ------------------------------------------------------------------------


def try_to_read(form: str, data: bytes) -> None:
    """Events and, unless they are complete, one line about it."""
    with tempfile.TemporaryDirectory() as folder:
        found = read(data, Path(folder), form)
        if found.events.problem is not None:
            assert found.events.problem.strip()
            assert "\n" not in found.events.problem
        if found.events.events:
            assert len(rows(Path(folder))) == found.events.events


@st.composite
def spoilt(draw: st.DrawFn, form: str) -> bytes:
    """A sample with some bytes or lines replaced, removed, doubled or put in."""
    data = bytearray(SAMPLES[form]())
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 40)))
        piece = draw(st.one_of(st.binary(max_size=40), st.just(bytes(data[at:to]) * 2)))
        data[at:to] = piece
    return bytes(data)


QUICK = examples()


@pytest.mark.parametrize("form", READERS)
def test_spoilt_files_are_no_trouble(form: str) -> None:
    QUICK(given(spoilt(form))(lambda data: try_to_read(form, data)))()


@pytest.mark.parametrize("form", READERS)
def test_any_bytes_are_no_trouble(form: str) -> None:
    QUICK(given(st.binary(max_size=2000))(lambda data: try_to_read(form, data)))()


@QUICK
@given(st.binary(max_size=500))
def test_any_bytes_are_recognised_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            read(data, Path(folder))
        except BadInput as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"])
def test_any_bytes_behind_a_magic_number_are_no_trouble(magic: bytes) -> None:
    QUICK(given(st.binary(max_size=300))(lambda data: try_to_read("ftrace", magic + data)))()


@pytest.mark.parametrize("form", ["ftrace", "perf-script", "text", "qemu-log"])
def test_a_line_that_is_none_of_the_format_is_counted_and_named(form: str, scratch: Path) -> None:
    """All behind it is read, and that the file is complete where it was."""
    whole = read(SAMPLES[form](), scratch, form)
    before = whole.notes.get("skipped", 0)
    assert isinstance(before, int)
    text = SAMPLES[form]().split(b"\n")
    at = next(i for i in range(len(text) // 2, len(text)) if text[i].strip())
    broken = [*text[:at], b"? no such line", *text[at:]]
    found = read(b"\n".join(broken), scratch, form)
    assert (found.events.problem, found.events.events) == (
        whole.events.problem,
        whole.events.events,
    )
    assert found.notes["skipped"] == before + 1
    assert found.notes["first_skipped"] == f"line {at + 1}: '? no such line'"
