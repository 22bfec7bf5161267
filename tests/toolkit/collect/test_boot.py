# SPDX-License-Identifier: GPL-2.0-only
"""What tells a kernel to trace its own boot, in the forms that kernels take."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Probe, RunInfo
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.importing.import_record import recorded_here
from acceptlab.toolkit.kernels import running_kernel
from acceptlab.toolkit.run import boot_tracing
from tests.toolkit.command_line import invoke


def split(image: bytes, initrd: bytes) -> str:
    """Take a bootconfig off an initrd as the kernel does (init/main.c reads magic, sum and size from the end)."""
    assert image.startswith(initrd)
    assert image.endswith(b"#BOOTCONFIG\n")
    assert len(image) % 4 == 0
    size, total = (int.from_bytes(image[at : at + 4], "little") for at in (-20, -16))
    data = image[-20 - size : -20]
    assert image[: -20 - size] == initrd
    assert sum(data) & 0xFFFFFFFF == total
    return data.rstrip(b"\0").decode()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 4097])
def test_bootconfig_behind_an_initrd_of_any_size(size: int) -> None:
    initrd = bytes(range(256)) * 17
    text = boot_tracing.bootconfig("tdx")
    assert split(boot_tracing.with_bootconfig(initrd[:size], text), initrd[:size]) == text


def test_second_bootconfig_is_refused() -> None:
    image = boot_tracing.with_bootconfig(b"initrd", boot_tracing.bootconfig("snp"))
    with pytest.raises(BadInputError, match="already"):
        boot_tracing.with_bootconfig(image, "key")


def test_bootconfig_that_no_kernel_takes_is_refused() -> None:
    with pytest.raises(BadInputError, match="too long"):
        boot_tracing.with_bootconfig(b"", "a" * (32 << 10))


@pytest.mark.parametrize(
    ("platform", "hooks"), [("snp", {"snp"}), ("tdx", {"tdx"}), (None, {"snp", "tdx"})]
)
def test_each_function_is_traced_from_call_to_return(platform: str | None, hooks: set[str]) -> None:
    words = boot_tracing.command_line(platform).split("kprobe_event=")[1].split(";")
    names = {"accept_memory", *(f"{one}_accept_memory" for one in hooks)}
    assert {word.split(",")[1] for word in words if word.startswith("p:")} == names
    assert {word.split(",")[1] for word in words if word.startswith("r:")} == names
    assert " " not in ";".join(words)
    text = boot_tracing.bootconfig(platform)
    assert all(f'"{name} start=$arg1' in text and f"{name}%return" in text for name in names)


def test_more_functions_are_traced_once_each() -> None:
    words = boot_tracing.command_line(
        "tdx", ["handle_mm_fault", "accept_memory", "handle_mm_fault"]
    )
    assert words.count("p:handle_mm_fault,handle_mm_fault,first=$arg1,second=$arg2;") == 1
    assert words.count("r:handle_mm_fault_return,handle_mm_fault") == 1
    assert words.count("p:accept_memory,") == 1


def test_written_beside_an_initrd(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(b"070701")
    words = ["collect", "--boot", "bootconfig", "--initrd", str(tmp_path / "initrd"), "--out"]
    done = invoke([*words, str(tmp_path / "new")])
    assert done.exit_code == 0
    assert split((tmp_path / "new").read_bytes(), b"070701") == boot_tracing.bootconfig(None)


def test_kernel_that_recorded_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_tracing, "TRACEFS", tmp_path)
    (tmp_path / "trace").write_text("# tracer: nop\n#\n")
    (tmp_path / "tracing_on").write_text("1")
    with pytest.raises(MachineError, match="--boot cmdline"):
        boot_tracing.read_trace()
    assert (tmp_path / "tracing_on").read_text() == "0"


def test_what_was_recorded_becomes_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_tracing, "TRACEFS", tmp_path)
    (tmp_path / "tracing_on").write_text("1")
    (tmp_path / "trace").write_text(
        "# tracer: nop\n# entries-in-buffer/entries-written: 2/2   #P:1\n"
        "  swapper/0-1  [000] .....  0.500000: tdx_accept_memory: (tdx_accept_memory+0x0/0xa0) start=0x40000000 end=0x40200000\n"
        "  swapper/0-1  [000] .....  0.500009: tdx_accept_memory_return: (accept_memory+0x8b/0xd0 <- tdx_accept_memory) ret=0x1\n"
    )
    done = invoke(["collect", "--boot", "read", "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    import pyarrow.parquet as pq

    accepts = [
        row
        for row in pq.read_table(tmp_path / "run" / "events.parquet").to_pylist()
        if row["kind"] == "accept"
    ]
    assert [(row["gpa"], row["size"], row["duration"]) for row in accepts] == [
        (1 << 30, 2 << 20, 9000)
    ]
    assert (tmp_path / "run" / "trace.txt").exists()
    info = Run.open(tmp_path / "run").info
    assert info.kernel.version == running_kernel.release()
    assert [(one.name, one.arguments) for one in info.probes] == [
        ("tdx_accept_memory", ("start", "end"))
    ]


@pytest.mark.parametrize(("release", "second"), [("6.1.176", "end"), ("6.12.3-cloud", "size")])
def test_who_reads_it_in_the_guest_knows_what_was_asked_for(
    release: str, second: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The configuration does not: it is written before the kernel is known."""
    assert "accept_memory start=$arg1 second=$arg2" in boot_tracing.bootconfig(None)
    monkeypatch.setattr(running_kernel, "BTF", tmp_path / "none")
    monkeypatch.setattr(running_kernel, "release", lambda: release)
    probe = Probe("accept_memory", 0, ("start", "second"))
    info = RunInfo("tdx", "ns", "userspace", probes=(probe,))
    assert recorded_here(info).probes == (Probe("accept_memory", 0, ("start", second)),)
