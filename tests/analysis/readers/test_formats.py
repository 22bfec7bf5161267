# SPDX-License-Identifier: GPL-2.0-only
"""Every format gives the events that it tells of, and says what it cannot."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.readers.conversion import Imported
from acceptlab.analysis.trace.coverage import BLOCKS, EARLY, OUTSIDE_THE_GUEST, PAGE_STATES, RESULTS
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import COLUMNS, Kind, Stage
from tests.analysis.readers import samples
from tests.analysis.readers.samples import read, rows

CHECKOUT = Path(__file__).parents[3]
ACCEPT, ENTER, RETURN = Kind.ACCEPT, Kind.PROBE_ENTER, Kind.PROBE_RETURN


def imported(form: str, folder: Path) -> Imported:
    """The sample of a format, recognised by itself."""
    return read(samples.SAMPLES[form](), folder)


@pytest.mark.parametrize("form", ["emulator", "qemu-log"])
def test_the_emulator_s_own_formats_lose_nothing(form: str, tmp_path: Path) -> None:
    found = imported(form, tmp_path)
    assert (found.events.problem, found.source, found.clock_unit) == (
        None, "emulator", "instructions",
    )  # fmt: skip
    assert found.absent == ("bitmap", PAGE_STATES)
    (batch,) = EventFile(tmp_path / "events.parquet").batches()
    expected = samples.small_stream()
    for name in set(COLUMNS) - {"duration"}:
        np.testing.assert_array_equal(batch[name], expected[name], err_msg=name)


def test_the_log_s_form_is_the_emulator_s() -> None:
    """emulator/qemu/trace-events has a form for every kind, and all are the one that the sample is written in."""
    text = (CHECKOUT / "emulator" / "qemu" / "trace-events").read_text()
    forms = dict(re.findall(r"^(guest_\w+)\(.*?\) (.*)$", text, re.MULTILINE))
    assert set(forms) == {samples.trace_event_of(kind) for kind in Kind}
    hexed = {name: re.sub(r'"| PRIx64 ?', "x", form) for name, form in forms.items()}
    plain = {re.sub(r"x|%|PRIu64|\s", "", form) for form in hexed.values()}
    assert plain == {re.sub(r"x|%d|%|\s", "", samples.LOG_FORM)}


def test_ftrace_tells_accepts_with_their_durations(tmp_path: Path) -> None:
    found = imported("ftrace", tmp_path)
    assert found.events.problem is None
    assert (found.platform, found.source, found.vcpus) == ("snp", "ftrace", 2)
    assert [(one.name, one.arguments) for one in found.probes] == [
        ("accept_memory", ("start", "size")),
        ("snp_accept_memory", ("start", "end")),
    ]
    assert rows(tmp_path, "kind", "clock", "vcpu", "gpa", "size") == [
        (ENTER, 123456000, 0, 0x40000000, 0x400000),
        (ENTER, 123457000, 0, 0x40000000, 0x40600000),
        (ACCEPT, 123457000, 0, 0x40000000, 0x600000),
        (ENTER, 123500000, 1, 0x50000000, 0x50200000),
        (ACCEPT, 123500000, 1, 0x50000000, 0x200000),
        (RETURN, 123557000, 0, 0, 0),
        (RETURN, 123558000, 0, 0, 0),
        (Kind.STAGE, 223558000, 1, 0, 0),
        (Kind.END, 223558000, 0, 0, 0),
    ]
    frame = pd.read_parquet(tmp_path / "events.parquet")
    durations = frame[frame["kind"] == "accept"]["duration"]
    assert durations.iloc[0] == 100_000
    assert pd.isna(durations.iloc[1])
    assert frame["stage"].iloc[-1] == "userspace"


def test_what_a_guest_s_trace_cannot_show_is_absent(tmp_path: Path) -> None:
    absent = set(imported("ftrace", tmp_path).absent)
    assert {EARLY, BLOCKS, RESULTS, "fault", *OUTSIDE_THE_GUEST} <= absent
    assert not {"accept", "stage", "probe-enter"} & absent


def test_our_tracepoints_are_believed_before_the_hooks(tmp_path: Path) -> None:
    hook = samples.FTRACE.splitlines()[8].replace("0.123457", "1.000001")
    first, *rest = samples.TRACEPOINTS.splitlines()
    text = "\n".join(["# tracer: nop", first, hook, *rest, ""])
    read(text.encode(), tmp_path)
    assert rows(tmp_path, "kind", "gpa", "size", "duration", "detail") == [
        (ACCEPT, 0x40000000, 0x200000, 5000, 0),
        (ENTER, 0x40000000, 0x40600000, 0, 0),
        (Kind.CONVERT, 0x40000000, 0x1000, 0, 2),
    ]


def test_trace_pipe_may_lack_its_end(tmp_path: Path) -> None:
    found = read(samples.TRACEPOINTS.encode(), tmp_path)
    assert found.events.problem is not None and "no count of entries" in found.events.problem
    assert RESULTS not in found.absent


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("# entries-in-buffer/entries-written: 8/20   #P:2", "overwrote 12 of 20"),
        ("# entries-in-buffer/entries-written: 9/9   #P:2", "8 of 9 entries"),
        ("CPU:1 [LOST 77 EVENTS]", "lost 77 events"),
    ],
)
def test_ftrace_says_what_it_lost(line: str, says: str, tmp_path: Path) -> None:
    lines = samples.FTRACE.splitlines()
    lines[2:3] = [line] if line.startswith("#") else [lines[2], line]
    found = read(("\n".join(lines) + "\n").encode(), tmp_path)
    assert found.events.problem is not None and says in found.events.problem


def test_a_trace_on_a_console_is_found_among_other_lines(tmp_path: Path) -> None:
    printed = [f"ACCEPTLAB trace {line}\r\n" for line in samples.FTRACE.splitlines()]
    console = "[    0.000000] Linux version 6.12\r\n" + "[    9.0] hello\r\n".join(printed)
    found = read(console.encode(), tmp_path)
    assert (found.events.problem, found.events.events) == (None, 9)


def test_perf_script_tells_accepts(tmp_path: Path) -> None:
    found = imported("perf-script", tmp_path)
    assert found.source == "perf"
    assert (
        found.events.problem
        == "perf script does not mark the end of the trace, so it may be missing"
    )
    assert rows(tmp_path, "kind", "clock", "vcpu", "gpa", "duration") == [
        (ENTER, 1_500_000_000, 0, 0x40000000, 0),
        (ACCEPT, 1_500_000_000, 0, 0x40000000, 7000),
        (RETURN, 1_500_007_000, 0, 0, 0),
    ]


def test_perf_script_of_the_emulator_s_probes_loses_nothing(tmp_path: Path) -> None:
    lines = []
    for record in samples.small_stream():
        words = samples._words(record).values()
        name = samples.trace_event_of(Kind(int(record["kind"])))
        arguments = " ".join(f"arg{place + 1}={word}" for place, word in enumerate(words))
        lines.append(f"qemu-system-x86  812 [001]  5.000001: sdt_qemu:{name}: (55d0) {arguments}\n")
    found = read("".join(lines).encode(), tmp_path)
    assert (found.events.problem, found.source) == (None, "emulator")
    (batch,) = EventFile(tmp_path / "events.parquet").batches()
    np.testing.assert_array_equal(batch["gpa"], samples.small_stream()["gpa"])


def test_trace_text_tells_calls_and_events(tmp_path: Path) -> None:
    found = imported("text", tmp_path)
    assert (found.events.problem, found.platform, found.source) == (None, "tdx", "ebpf")
    assert rows(tmp_path, "kind", "clock", "gpa", "result", "stage")[1:5] == [
        (ACCEPT, 500, 0x40000000, 0, Stage.KERNEL),
        (RETURN, 900, 0, 1, Stage.KERNEL),
        (ENTER, 1000, 0x40000000, 0, Stage.KERNEL),
        (Kind.FAULT, 2000, 0x7F000000, 0, Stage.USERSPACE),
    ]
    assert not {"convert", "fault", RESULTS} & set(found.absent)


def test_a_failed_hook_is_no_accept(tmp_path: Path) -> None:
    read(samples.TEXT.replace("ret=1", "ret=0").encode(), tmp_path)
    assert rows(tmp_path, "kind", "result")[1] == (ACCEPT, 1)


def test_an_unknown_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="unknown format; select one with --format"):
        read(b"MZ\0\1 what is this", tmp_path)
    with pytest.raises(BadInput, match="is empty"):
        read(b"", tmp_path)
    assert not (tmp_path / "events.parquet").exists()


def test_many_events_arrive_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acceptlab.analysis.readers.recorder.KEPT", 10)
    lines = "".join(
        f"{way} snp_accept_memory clock={clock} vcpu=0 task=1 {more}\n"
        for clock in range(0, 200, 2)
        for way, clock, more in (("enter", clock, f"start={clock << 20} size=4096"), ("return", clock + 1, ""))
    )  # fmt: skip
    text = f"# acceptlab trace 1 platform=snp\n{lines}end events=200 lost=0\n"
    assert read(text.encode(), tmp_path).events.problem is None
    accepts = [row for row in rows(tmp_path, "seq", "kind", "gpa", "duration") if row[1] == ACCEPT]
    assert [row[2] for row in accepts] == [clock << 20 for clock in range(0, 200, 2)]
    assert {row[3] for row in accepts} == {1}
    assert [row[0] for row in rows(tmp_path)] == list(range(301))
