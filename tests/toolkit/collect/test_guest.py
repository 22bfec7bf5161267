# SPDX-License-Identifier: GPL-2.0-only
"""What is recorded inside a guest, as trace text, and as a run: without a kernel, from records as the BPF program writes them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from analysis.readers.detect import READERS
from analysis.readers.imported import import_events
from analysis.readers.opened import Opened
from analysis.run_folder import Run
from toolkit.collect import guest, guest_run, library
from toolkit.collect.guest_program import FUNCTIONS, Call, program
from toolkit.collect.guest_text import TraceText
from toolkit.errors import BadInputError, MachineError
from toolkit.hardware import signs

BY_NAME = {function.name: address for address, function in enumerate(FUNCTIONS, 0x1000)}
BASE = 0xFFFF888000000000
STACK = [
    (0x10, "tdx_accept_memory+0x4"),
    (0x20, "accept_memory+0x8b"),
    (0x30, "get_page_from_freelist+0x1"),
]


def call(name: str, clock: int, *arguments: int, task: int = 7) -> Call:
    return Call(
        clock=clock, function=BY_NAME[name], arguments=arguments, direct_map=BASE, task=task, process=7,
        vcpu=1, stack=3, name=b"my program",
    )  # fmt: skip


def returned(name: str, clock: int, value: int, task: int = 7) -> Call:
    return Call(
        clock=clock, function=BY_NAME[name], value=value, task=task, vcpu=1, stack=-1, returned=1
    )


def rows(
    tmp_path: Path, calls: list[Call], lost: int = 0
) -> tuple[list[dict[str, object]], object]:
    """Return the events that the calls become, and what the import says."""
    import pyarrow.parquet as pq

    output = io.StringIO()
    text = TraceText(
        output,
        {BY_NAME[one.name]: one for one in FUNCTIONS},
        lambda stack: STACK if stack >= 0 else [],
    )
    for one in calls:
        text.take(one)
    text.finish(lost)
    (tmp_path / "trace.txt").write_text(output.getvalue())
    with Opened(tmp_path / "trace.txt") as source:
        imported = import_events(source, READERS["text"], tmp_path / "events.parquet")
    return pq.read_table(tmp_path / "events.parquet").to_pylist(), imported


def test_accept_has_its_duration_and_who_wanted_it(tmp_path: Path) -> None:
    found, _ = rows(
        tmp_path,
        [
            call("tdx_accept_memory", 100, 0x40000000, 0x40200000),
            returned("tdx_accept_memory", 170, 1),
        ],
    )
    accept = next(row for row in found if row["kind"] == "accept")
    assert (accept["gpa"], accept["size"], accept["duration"]) == (0x40000000, 2 << 20, 70)
    assert accept["caller"] == 0x30
    assert "name=my_program" in (tmp_path / "trace.txt").read_text()
    assert "get_page_from_freelist" in (tmp_path / "trace.txt").read_text()


@pytest.mark.parametrize(("name", "to"), [("set_memory_encrypted", 1), ("set_memory_decrypted", 2)])
def test_conversion_of_the_direct_map_has_its_guest_address(
    tmp_path: Path, name: str, to: int
) -> None:
    found, _ = rows(tmp_path, [call(name, 5, BASE + 0x5000, 3), returned(name, 9, 0)])
    converts = [row for row in found if row["kind"] == "convert"]
    assert [(row["gpa"], row["size"], row["detail"], row["duration"]) for row in converts] == [
        (0x5000, 3 << 12, to, 4)
    ]


def test_conversion_elsewhere_stays_a_call(tmp_path: Path) -> None:
    name = "set_memory_decrypted"
    found, _ = rows(tmp_path, [call(name, 5, 0xFFFFC90000000000, 1), returned(name, 9, 0)])
    assert [row["kind"] for row in found] == ["probe-enter", "probe-return", "end"]


def test_calls_of_two_tasks_are_not_mixed_up(tmp_path: Path) -> None:
    name = "tdx_accept_memory"
    found, _ = rows(
        tmp_path,
        [
            call(name, 1, 0x1000, 0x2000, task=1), call(name, 2, 0x3000, 0x4000, task=2),
            returned(name, 5, 1, task=1), returned(name, 9, 1, task=2),
        ],
    )  # fmt: skip
    accepts = [row for row in found if row["kind"] == "accept"]
    assert [(row["gpa"], row["duration"]) for row in accepts] == [(0x1000, 4), (0x3000, 7)]


def test_lost_calls_make_it_incomplete(tmp_path: Path) -> None:
    _, imported = rows(tmp_path, [call("accept_memory", 1, 0x1000, 0x1000)], lost=3)
    assert imported.events.problem is not None  # type: ignore[attr-defined]
    assert "lost 3" in imported.events.problem  # type: ignore[attr-defined]


def test_collector_that_dies_leaves_an_incomplete_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at while it records."""
    seen = []

    def record(file: Path, seconds: float | None, stop: object) -> guest.Recorded:
        run = Run.open(file.parent)
        run.verify_events()
        seen.append((run.info.source, run.info.events.complete, "early" in run.info.absent))
        raise MachineError("died")

    monkeypatch.setattr(guest, "record", record)
    with pytest.raises(MachineError):
        guest_run.collect(tmp_path / "run", "snp", None, ("acceptlab",))
    assert seen == [("ebpf", False, True)]


def test_machine_that_is_no_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs, "look", lambda: signs.Machine("", "", "GenuineIntel", (), {}))
    with pytest.raises(BadInputError, match="--platform"):
        guest_run.collect(tmp_path / "run", None, None, ("acceptlab",))


def test_kernel_takes_the_program(ebpf: None) -> None:
    """Its verifier does, even on a kernel that has no kprobes to put it on."""
    bcc = library.load()
    compiled = bcc.BPF(text=program(8, 0).encode())
    try:
        for name in (b"entered", b"returned"):
            assert compiled.load_func(name, bcc.BPF.KPROBE).fd > 0
    finally:
        compiled.cleanup()
