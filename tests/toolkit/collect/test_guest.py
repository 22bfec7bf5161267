# SPDX-License-Identifier: GPL-2.0-only
"""What is recorded inside a guest, as trace text, and as a run: without a kernel, from records as the BPF program writes them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from acceptlab.analysis.kernel.symbols import symbols_of_run
from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.conversion import import_events
from acceptlab.analysis.readers.detect import READERS
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import Stage
from acceptlab.toolkit.collect import bcc_library, guest, guest_program, guest_run
from acceptlab.toolkit.collect.guest_program import (
    BEGIN,
    CONVERTED,
    END,
    FUNCTIONS,
    TRACEPOINTS,
    Call,
    Tracepoint,
    program,
    tracepoints,
)
from acceptlab.toolkit.collect.guest_tally import GuestTally
from acceptlab.toolkit.collect.guest_text import TraceText
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.hardware import signs
from acceptlab.toolkit.kernels import running_kernel

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
        GuestTally(),
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


@pytest.mark.parametrize(("release", "second"), [("6.1.176", "end"), ("6.12.3-cloud", "size")])
def test_the_second_argument_has_the_name_that_this_kernel_has_for_it(
    release: str, second: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running_kernel, "BTF", tmp_path / "none")
    monkeypatch.setattr(running_kernel, "release", lambda: release)
    named = {one.name: one.arguments for one in guest_program.functions()}
    assert named["accept_memory"] == ("start", second)
    assert named["tdx_accept_memory"] == ("start", "end")
    assert named["set_memory_encrypted"] == ("address", "pages")


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


FORMAT = """\
name: accept_memory_begin
ID: 1500
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:u64 start;\toffset:8;\tsize:8;\tsigned:0;
\tfield:u64 end;\toffset:16;\tsize:8;\tsigned:0;
\tfield:char reason[16];\toffset:24;\tsize:16;\tsigned:0;
"""


def test_tracepoints_are_taken_as_the_kernel_describes_them(tmp_path: Path) -> None:
    (tmp_path / "accept" / BEGIN).mkdir(parents=True)
    (tmp_path / "accept" / BEGIN / "format").write_text(FORMAT)
    assert tracepoints(tmp_path) == [Tracepoint(BEGIN, 8, (("reason", 24),))]
    (tmp_path / "accept" / BEGIN / "format").write_text(FORMAT.replace("u64 end", "u32 end"))
    (tmp_path / "accept" / BEGIN / "format").write_text(FORMAT.replace("offset:16", "offset:32"))
    assert tracepoints(tmp_path) == []


def passed(name: str, clock: int, start: int, end: int) -> Call:
    return Call(
        clock=clock, function=TRACEPOINTS.index(name) + 1, arguments=(start, end), task=7, process=7,
        vcpu=1, stack=3, name=b"my program", reason=b"alloc",
    )  # fmt: skip


def test_tracepoints_are_accepts_with_durations_and_reasons(tmp_path: Path) -> None:
    """The platform's hook behind it tells of the same accept, and is not believed a second time."""
    found, _ = rows(
        tmp_path,
        [
            passed(BEGIN, 100, 0x40000000, 0x40200000),
            call("tdx_accept_memory", 110, 0x40000000, 0x40200000),
            returned("tdx_accept_memory", 170, 1),
            passed(END, 180, 0x40000000, 0x40200000),
        ],
    )
    (accept,) = [row for row in found if row["kind"] == "accept"]
    assert (accept["gpa"], accept["size"], accept["duration"]) == (0x40000000, 2 << 20, 80)
    assert accept["caller"] == 0x30
    assert "reason=alloc" in (tmp_path / "trace.txt").read_text()


def test_a_conversion_that_the_tracepoint_told_of_is_not_told_again(tmp_path: Path) -> None:
    name = "set_memory_decrypted"
    converted = passed(CONVERTED, 6, 0x5000, 0x8000)
    converted.private, converted.value = 0, 0
    found, _ = rows(tmp_path, [call(name, 5, BASE + 0x5000, 3), converted, returned(name, 9, 0)])
    converts = [row for row in found if row["kind"] == "convert"]
    assert [(row["gpa"], row["size"], row["detail"]) for row in converts] == [(0x5000, 3 << 12, 2)]


@pytest.mark.parametrize(("skip", "caller"), [((), "0x10"), (("accept_units",), "0x30")])
def test_functions_of_the_kernel_s_own_patches_are_no_cause(
    skip: tuple[str, ...], caller: str
) -> None:
    stack = [(0x8, "accept_memory+0x8"), (0x10, "accept_units+0x8b"), (0x20, "accept_memory+0x1"), (0x30, "kmalloc")]  # fmt: skip
    output = io.StringIO()
    text = TraceText(output, {}, lambda _: stack, GuestTally(), skip)
    text.take(passed(BEGIN, 1, 0x1000, 0x2000))
    assert f" caller={caller} " in output.getvalue()


def test_tally_counts_each_accept_once() -> None:
    tally = GuestTally()
    for name in (BEGIN, "tdx_accept_memory", "accept_memory", BEGIN, "tdx_handle_virt_exception"):
        tally.add(name, 0x1000, 0x3000, "who")
    assert (tally.accepts, tally.accepted, tally.faults) == (2, 0x4000, 1)
    assert tally.top_callers() == [("who", 2)]


def test_lost_calls_make_it_incomplete(tmp_path: Path) -> None:
    _, imported = rows(tmp_path, [call("accept_memory", 1, 0x1000, 0x1000)], lost=3)
    assert imported.events.problem is not None  # type: ignore[attr-defined]
    assert "lost 3" in imported.events.problem  # type: ignore[attr-defined]


def test_collector_that_dies_leaves_an_incomplete_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at while it records."""
    seen = []

    def record(file: Path, *_: object) -> guest.Recorded:
        run = Run.open(file.parent)
        run.verify_events()
        seen.append((run.info.source, run.info.events.complete, "early" in run.info.absent))
        raise MachineError("died")

    monkeypatch.setattr(guest, "record", record)
    with pytest.raises(MachineError):
        guest_run.collect(tmp_path / "run", "snp", None, ("acceptlab",))
    assert seen == [("ebpf", False, True)]


def test_a_collection_names_its_addresses_wherever_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(file: Path, *_: object) -> guest.Recorded:
        rows(
            file.parent,
            [
                call("tdx_accept_memory", 100, 0x40000000, 0x40200000),
                returned("tdx_accept_memory", 170, 1),
            ],
        )
        return guest.Recorded(1, 0, ("tdx_accept_memory",))

    kallsyms = tmp_path / "kallsyms"
    kallsyms.write_text("0000000000000010 T _stext\n000000000000002c t requests\n")
    monkeypatch.setattr(running_kernel, "KALLSYMS", kallsyms)
    monkeypatch.setattr(guest, "record", record)
    guest_run.collect(tmp_path / "run", "tdx", None, ("acceptlab",))
    kallsyms.unlink()
    symbols = symbols_of_run(Run.open(tmp_path / "run"), None)
    assert symbols.name_of(0x30, Stage.USERSPACE) == "requests+0x4"


def test_machine_that_is_no_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signs, "look", lambda: signs.Machine("", "", "GenuineIntel", (), {}))
    with pytest.raises(BadInputError, match="--platform"):
        guest_run.collect(tmp_path / "run", None, None, ("acceptlab",))


def test_kernel_takes_the_program(ebpf: None) -> None:
    """Its verifier does, even on a kernel that has no kprobes to put it on."""
    bcc = bcc_library.load()
    traced = [
        Tracepoint(BEGIN, 8, (("reason", 24),)),
        Tracepoint(END, 8),
        Tracepoint(CONVERTED, 8, (("private", 24), ("ret", 28))),
    ]
    compiled = bcc.BPF(text=program(8, 0, traced).encode())
    try:
        for name in (b"entered", b"returned"):
            assert compiled.load_func(name, bcc.BPF.KPROBE).fd > 0
        for one in traced:
            assert compiled.load_func(one.name.encode(), bcc.BPF.TRACEPOINT).fd > 0
    finally:
        compiled.cleanup()
