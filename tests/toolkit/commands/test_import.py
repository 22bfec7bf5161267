# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab import`: a run folder, what it says, and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.places import IMPORTS
from tests.analysis.readers.samples import FTRACE, TEXT, TRACEPOINTS, emulator
from tests.analysis.synthetic import booted
from tests.toolkit.in_process import Command, in_process


@pytest.fixture
def acceptlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs the command in this process, in tmp_path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "trace.txt").write_text(FTRACE)
    (tmp_path / "pipe.txt").write_text(TRACEPOINTS)
    (tmp_path / "events.raw").write_bytes(emulator())

    return in_process(monkeypatch, capsys)


def test_the_folder_is_the_last_line(acceptlab: Command, tmp_path: Path) -> None:
    code, out, _ = acceptlab("import", "trace.txt", "--out", "run")
    skipped = (
        "1 line without an entry skipped, first: line 15: '=> trace_event_raw_event_sched_switch'"
    )
    assert (code, out.splitlines()) == (0, [skipped, "9 events", "run"])
    info = Run.open(tmp_path / "run").info
    assert (info.platform, info.source, info.clock) == ("snp", "ftrace", "ns")
    assert [probe.name for probe in info.probes] == ["accept_memory", "snp_accept_memory"]
    assert info.reproduce == f"acceptlab import {tmp_path / 'trace.txt'}"
    Run.open(tmp_path / "run").verify_events()


def test_without_out_it_is_in_the_cache(acceptlab: Command, tmp_path: Path) -> None:
    _, out, _ = acceptlab("import", "trace.txt")
    folder = Path(out.splitlines()[-1])
    assert folder.parent == tmp_path / "cache" / "acceptlab" / "runs"
    assert folder.name.endswith("-import-trace.txt")


def test_a_guest_s_trace_is_never_clean(acceptlab: Command) -> None:
    code, out, _ = acceptlab("import", "trace.txt", "--out", "run", "--replay")
    assert code == 4
    assert "undecided: Cannot be seen in this trace: " in out


def test_an_oops_on_a_console_with_entries_is_a_finding(acceptlab: Command, tmp_path: Path) -> None:
    console = "[    0.000000] Linux version 6.12.57 (build@host)\n" + FTRACE
    (tmp_path / "console.txt").write_text(console)
    assert acceptlab("import", "console.txt", "--out", "well", "--replay")[0] == 4
    oops = "[    9.000000] BUG: unable to handle page fault for address: ffff888000000000\n"
    (tmp_path / "console.txt").write_text(console + oops)
    code, out, _ = acceptlab("import", "console.txt", "--out", "ill", "--replay")
    assert code == 1
    assert "findings: Guest failure: the kernel oopsed." in out


def test_json_tells_what_is_missing(acceptlab: Command) -> None:
    words = ("import", "pipe.txt", "--platform", "tdx", "--format", "ftrace", "--json")
    code, out, _ = acceptlab(*words)
    answer = json.loads(out)
    assert (code, answer["complete"], answer["events"]) == (0, False, 2)
    assert "trace_pipe" in answer["problem"]
    assert "stop" in answer["absent"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.txt"], "cannot read nowhere.txt"),
        (["pipe.txt"], "give --platform"),
        (["trace.txt", "--platform", "sev"], "--platform sev: must be one of snp, tdx"),
        (["trace.txt", "--format", "pdf"], "--format pdf: must be one of"),
        (["trace.txt", "--run", "nowhere"], "nowhere is not a run folder"),
        (
            ["trace.txt", "--platform", "tdx"],
            "trace.txt was recorded in a guest of platform snp (snp_accept_memory() is called), but --platform says tdx",
        ),
        (["trace.txt", "--run", "tdx-run"], "but --run tdx-run says tdx"),
        (["pipe.txt", "--run", "tdx-run", "--platform", "snp"], "but --platform says snp"),
        (["nothing.txt"], "the first line that is not an entry is line 2: 'nothing of use'"),
        (["other.txt"], "it has no known probe, tracepoint or event"),
        (["cache"], "cannot read cache"),
    ],
)
def test_what_cannot_be_imported(
    acceptlab: Command, tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "cache").mkdir()
    booted(platform="tdx").write(tmp_path / "tdx-run")
    (tmp_path / "nothing.txt").write_text("# tracer: nop\nnothing of use\n")
    (tmp_path / "other.txt").write_text(
        "# tracer: nop\n# entries-in-buffer/entries-written: 1/1   #P:1\n"
        "  init-1 [000] d..2. 0.223562: sched_switch: prev_comm=init prev_pid=1\n"
    )
    code, out, err = acceptlab("import", *words, "--out", "run")
    assert (code, out) == (2, "")
    told = [line for line in err.splitlines() if line.startswith("acceptlab: ")]
    assert len(told) == 1 and says in told[0]
    assert not (tmp_path / "run").exists()


def test_the_emulator_s_stream_tells_its_memory_map(acceptlab: Command, tmp_path: Path) -> None:
    acceptlab("import", "events.raw", "--platform", "snp", "--out", "run")
    info = Run.open(tmp_path / "run").info
    mib = 1 << 20
    assert info.handoff.ram == ((0, 0xA0000), (mib, 7 * mib))
    assert info.handoff.unaccepted == ((4 * mib, 4 * mib),)
    assert (info.source, info.clock, info.machine.cpus) == ("emulator", "instructions", 2)
    assert set(info.absent) == {"bitmap", "page-states"}


def test_what_the_run_knows_is_taken_from_it(acceptlab: Command, tmp_path: Path) -> None:
    guest = booted(platform="tdx")
    guest.write(tmp_path / "recorded-in")
    (tmp_path / "trace.text").write_text(TEXT.replace("platform=tdx", ""))
    acceptlab("import", "trace.text", "--run", "recorded-in", "--out", "run")
    info = Run.open(tmp_path / "run").info
    assert (info.platform, info.kernel.name) == ("tdx", "synthetic")
    assert info.handoff == guest.info().handoff
    assert "handoff" not in info.absent


def test_a_damaged_file_is_imported_up_to_the_damage(acceptlab: Command, tmp_path: Path) -> None:
    (tmp_path / "cut.txt").write_text(FTRACE[:-30])
    code, out, _ = acceptlab("import", "cut.txt", "--out", "run")
    assert code == 0
    assert out.splitlines()[1] == "8 events; not complete: line 16: breaks off after 61 bytes"


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    with (tmp_path / "long.txt").open("w") as file:
        file.write("# acceptlab trace 1 platform=snp\n")
        file.writelines(f"accept clock={one} vcpu=0 gpa={one << 12}\n" for one in range(600_000))
    words = [sys.executable, "-m", "acceptlab.toolkit", "import", "long.txt", "--out", "run"]
    environment = {"PYTHONPATH": str(IMPORTS), "HOME": str(tmp_path)}
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        while not (tmp_path / "run").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1]) == (130, "acceptlab: interrupted")
    assert [one.name for one in tmp_path.iterdir()] == ["long.txt"]
