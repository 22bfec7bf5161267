# SPDX-License-Identifier: GPL-2.0-only
"""Entries in another order than that of their time are sorted where that is sound; else it is said."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from acceptlab.analysis.readers import ordered
from acceptlab.analysis.readers.conversion import Imported
from acceptlab.analysis.trace.schema import Kind
from tests.analysis.readers.samples import read, rows

COLUMNS = ("kind", "clock", "vcpu", "gpa", "size", "result")


def entry(clock: int, vcpu: int, task: int, what: str) -> str:
    return f"  init-{task} [{vcpu:03d}] d..1. {clock // 1000000}.{clock % 1000000:06d}: {what}\n"


def accepted(clock: int, vcpu: int, start: int = 0x40000000) -> list[str]:
    """A page is accepted: two entries, 5 us apart."""
    span = f"start={start:#x} end={start + 0x1000:#x}"
    return [
        entry(clock, vcpu, 10 + vcpu, f"accept_memory_begin: {span}"),
        entry(clock + 5, vcpu, 10 + vcpu, f"accept_memory_end: {span} ret=0"),
    ]


def trace(entries: list[str]) -> str:
    count = len(entries)
    return f"# tracer: nop\n# entries-in-buffer/entries-written: {count}/{count}   #P:4\n" + "".join(entries)  # fmt: skip


def life(cpus: int = 4, each: int = 30) -> list[list[str]]:
    """What some vCPUs accept, each by itself, at times that take turns."""
    return [
        [
            line
            for number in range(each)
            for line in accepted(1000 + 100 * number + 10 * cpu, cpu, (cpu * each + number) << 12)
        ]
        for cpu in range(cpus)
    ]


def in_turn(buffers: list[list[str]]) -> list[str]:
    return sorted((line for one in buffers for line in one), key=lambda line: line.split()[3])


def imported(text: str, folder: Path) -> tuple[Imported, list[tuple[int | str, ...]]]:
    found = read(text.encode(), folder)
    return found, rows(folder, *COLUMNS)


@pytest.mark.parametrize("held", [1 << 16, 7, 1])
def test_buffers_one_behind_the_other_are_as_in_turn(
    held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few entries are held in memory at a time."""
    monkeypatch.setattr(ordered, "HELD", held)
    monkeypatch.setattr(ordered, "_BLOCK", 3)
    buffers = life()
    whole, expected = imported(trace(in_turn(buffers)), tmp_path)
    assert (whole.events.problem, whole.notes) == (None, {})
    behind, found = imported(trace([line for one in buffers for line in one]), tmp_path)
    assert found == expected
    assert (behind.events.problem, behind.notes) == (None, {"sorted": True})


def test_each_buffer_with_a_head_of_its_own_is_one_recording(tmp_path: Path) -> None:
    buffers = life()
    _, expected = imported(trace(in_turn(buffers)), tmp_path)
    several, found = imported("".join(map(trace, buffers)), tmp_path)
    assert found == expected and several.events.problem is None
    cut, _ = imported("".join(map(trace, buffers)).replace(buffers[0][3], ""), tmp_path)
    assert cut.events.problem == "239 of 240 entries are there"


def test_any_order_of_a_text_is_as_in_order(tmp_path: Path) -> None:
    lines = [
        line
        for clock in range(0, 400, 10)
        for line in (
            f"enter tdx_accept_memory clock={clock + 1} vcpu=0 task=1 start={clock << 12} end={(clock << 12) + 4096}\n",
            f"return tdx_accept_memory clock={clock + 6} vcpu=0 task=1 ret=1\n",
        )
    ]

    def text() -> str:
        return "# acceptlab trace 1\n" + "".join(lines) + f"end events={len(lines)} lost=0\n"

    _, expected = imported(text(), tmp_path)
    random.Random(5).shuffle(lines)
    shuffled, found = imported(text(), tmp_path)
    assert found == expected and shuffled.events.problem is None


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (accepted(2000, 0) + accepted(1000, 0, 0x50000000), "line 5: the clock of vCPU 0 goes back"),
        (accepted(1000, 0) * 2, "2 of the entries occur twice"),
        ([line for line in accepted(1000, 0) for _ in (1, 2)], "2 of the entries occur twice"),
        (accepted(1000, 0) + accepted(2000, 0) + accepted(1000, 1), "vCPUs 0 and 1 use one page at the same time"),
    ],
)  # fmt: skip
def test_an_order_that_is_not_certain_is_said(
    entries: list[str], says: str, tmp_path: Path
) -> None:
    found = read(trace(entries).encode(), tmp_path)
    assert found.events.problem is not None and says in found.events.problem


def test_two_accepts_at_one_time_in_a_file_in_order_are_in_order(tmp_path: Path) -> None:
    found, _ = imported(trace(in_turn([accepted(1000, 0), accepted(1000, 1)])), tmp_path)
    assert found.events.problem is None


def test_pages_of_their_own_at_one_time_are_not_in_doubt(tmp_path: Path) -> None:
    entries = accepted(1000, 0) + accepted(2000, 0) + accepted(1000, 1, 0x50000000)
    found, _ = imported(trace(entries), tmp_path)
    assert found.events.problem is None and found.notes["sorted"]


def test_what_was_saved_twice_counts_once_and_is_said(tmp_path: Path) -> None:
    text = trace(in_turn(life(2, 5)))
    found, events = imported(text + text, tmp_path)
    assert found.events.problem is not None and "two recordings in one file" in found.events.problem
    assert len([row for row in events if row[0] == Kind.ACCEPT]) == 10


def test_two_clocks_in_one_text_are_said(tmp_path: Path) -> None:
    one = "# acceptlab trace 1 clock={}\naccept clock=1 vcpu=0 gpa={} size=4096 result=0\nend events=1 lost=0\n"
    same, _ = imported(one.format("ns", 0x1000) + one.format("ns", 0x2000).replace("vcpu=0", "vcpu=1"), tmp_path)  # fmt: skip
    assert same.events.problem is None
    found, _ = imported(one.format("ns", 0x1000) + one.format("instructions", 0x2000), tmp_path)
    assert found.events.problem is not None and "two clocks (ns and instructions)" in found.events.problem  # fmt: skip


def test_the_ends_of_both_recordings_count(tmp_path: Path) -> None:
    one = "# acceptlab trace 1\naccept clock={} vcpu=0 gpa=4096 size=4096 result=0\nend events={} lost=0\n"
    found, _ = imported(one.format(1, 2) + one.format(2, 1), tmp_path)
    assert (
        found.events.problem is not None
        and "counts 2 events, the trace has 1" in found.events.problem
    )
