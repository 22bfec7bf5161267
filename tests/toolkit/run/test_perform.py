# SPDX-License-Identifier: GPL-2.0-only
"""The life of a run, with a toy emulator: what is recorded, and what is left behind when nothing can be."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from acceptlab.toolkit.run.emulator_run import Finished, dry_run, perform, planned
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs import run_cache
from tests.toolkit import toy


@pytest.fixture(autouse=True)
def _own_cache(own_cache: Path) -> None:
    """Keep the user's cache out of it."""


def run(tmp_path: Path, mode: str, **options: Any) -> Finished:
    return run_kernel(resolve(str(toy.make_kernel(tmp_path))), tmp_path, mode, **options)


def run_kernel(kernel: Kernel, tmp_path: Path, mode: str, **options: Any) -> Finished:
    asked = RunOptions(kernel.name, memory="256M", **options)
    return perform(asked, kernel, toy.make_emulator(tmp_path, mode), tmp_path / "run", False)


def test_a_run_that_ends_well_is_recorded_whole(tmp_path: Path) -> None:
    finished = run(tmp_path, "userspace", platform="tdx", seed=7)
    recorded = Run.open(finished.folder)
    recorded.verify_events()
    assert recorded.info.outcome == "userspace"
    assert (recorded.info.platform, recorded.info.machine.seed) == ("tdx", 7)
    assert (recorded.info.events.count, recorded.info.events.complete) == (10, True)
    assert recorded.info.handoff.ram[0] == (0, 0xA0000)
    assert sorted(path.name for path in finished.folder.iterdir()) == [
        "bitmap", "console.log", "events.parquet", "run.json",
    ]  # fmt: skip


def test_the_series_of_the_kernel_is_recorded(tmp_path: Path) -> None:
    series = {"name": "lazy", "base": "linux-source-6.1 6.1.176-1", "patches": 3}
    kernel = replace(resolve(str(toy.make_kernel(tmp_path))), series=series)
    info = Run.open(run_kernel(kernel, tmp_path, "userspace").folder).info
    assert (info.series, info.series_name) == (series, "lazy, 3 patches")


def test_the_policy_that_the_kernel_goes_by_is_recorded(tmp_path: Path) -> None:
    info = Run.open(run(tmp_path, "userspace", append="accept_memory=deferred:2").folder).info
    assert info.machine.accept == "deferred:2"


def test_a_policy_that_the_kernel_refuses_is_not_shown_as_what_ran(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Run.open(run(tmp_path, "refused", accept="deferred").folder).info.machine
    assert (machine.accept, machine.refused) == ("lazy", "deferred")
    assert machine.policy == "lazy (requested: deferred, rejected by the kernel)"
    assert not machine.accepts_in_background
    assert "rejected accept_memory=deferred and used lazy" in capsys.readouterr().err


@pytest.mark.parametrize(("mode", "supported"), [("userspace", False), ("accepts", True)])
def test_what_the_kernel_did_outweighs_its_configuration(
    tmp_path: Path, mode: str, supported: bool
) -> None:
    config = tmp_path / "config"
    config.write_text("# CONFIG_AMD_MEM_ENCRYPT is not set\n")
    kernel = replace(resolve(str(toy.make_kernel(tmp_path))), config=config)
    info = Run.open(run_kernel(kernel, tmp_path, mode).folder).info
    assert info.kernel_support.platform is supported
    assert ("lacks support" in info.reason) != supported


@pytest.mark.parametrize(
    ("mode", "options", "outcome", "reason"),
    [
        ("stopped", {}, "stopped", "as told"),
        ("panic", {}, "panic", "no init"),
        ("hang", {"time_limit": 2.0}, "timeout", "the time limit of 2 s expired, in stage kernel"),
        ("killed", {}, "killed", "the emulator was killed by a signal (SIGKILL)"),
    ],
)
def test_what_a_guest_comes_to_is_recorded(
    tmp_path: Path, mode: str, options: dict[str, Any], outcome: str, reason: str
) -> None:
    info = Run.open(run(tmp_path, mode, **options).folder).info
    assert info.outcome == outcome
    assert reason in info.reason


def test_a_killed_emulator_leaves_a_trace_that_says_that_it_is_cut_off(tmp_path: Path) -> None:
    info = Run.open(run(tmp_path, "killed").folder).info
    assert not info.events.complete
    assert info.events.count == 6  # whole records in 500 bytes
    assert info.events.problem


def test_an_emulator_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acceptlab.toolkit.run.launch._GRACE", 0.3)
    assert run(tmp_path, "deaf", time_limit=1.0).outcome.word == "timeout"


@pytest.mark.parametrize(
    ("mode", "words"),
    [("refuses", "toy: cannot do that"), ("crash", "crashed (SIGSEGV)")],
)
def test_a_failing_emulator_is_an_error_and_leaves_no_folder(
    tmp_path: Path, mode: str, words: str
) -> None:
    with pytest.raises(MachineError) as raised:
        run(tmp_path, mode)
    assert words in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_events_can_be_off(tmp_path: Path) -> None:
    finished = run(tmp_path, "userspace", events=False)
    assert not (finished.folder / "events.parquet").exists()
    assert "--no-events" in (Run.open(finished.folder).info.events.problem or "")


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("keep")
    with pytest.raises(BadInputError, match="not empty"):
        run(tmp_path, "userspace")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["precious"]


def test_a_probe_of_a_kernel_without_symbols_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="unsupported compression"):
        run(tmp_path, "userspace", probes=("accept_memory",))
    assert not (tmp_path / "run").exists()


def test_a_kernel_without_symbols_is_said_to_have_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = Run.open(run(tmp_path, "userspace").folder).info
    (said,) = [one for one in capsys.readouterr().err.splitlines() if "no symbols" in one]
    assert "panic() is not detected" in said and "unsupported compression" in said
    assert info.kernel_support.symbols is False


def test_a_kernel_with_symbols_is_said_to_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system_map = tmp_path / "System.map"
    system_map.write_text("ffffffff81000000 T _text\nffffffff81000040 T snp_init\n")
    info = Run.open(run(tmp_path, "userspace", vmlinux=str(system_map)).folder).info
    assert "no symbols" not in capsys.readouterr().err
    assert info.kernel_support.symbols is True


def test_a_dry_run_writes_the_handoff_and_starts_nothing(tmp_path: Path) -> None:
    kernel = resolve(str(toy.make_kernel(tmp_path)))
    options = RunOptions(kernel.name, memory="256M")
    line = dry_run(options, kernel, toy.make_emulator(tmp_path, "userspace"), tmp_path / "run")
    assert "snp-emulated,id=cc0" in line
    assert (tmp_path / "run" / "handoff" / "handoff").exists()
    assert not (tmp_path / "run" / "console.log").exists()


def test_qmp_is_offered_where_it_is_asked_for(tmp_path: Path) -> None:
    kernel = resolve(str(toy.make_kernel(tmp_path)))
    emulator = toy.make_emulator(tmp_path, "userspace")
    lines = [
        dry_run(RunOptions(kernel.name, memory="256M", qmp=qmp), kernel, emulator, tmp_path / name)
        for name, qmp in (("plain", ""), ("asked", str(tmp_path / "a,b")))
    ]
    assert "-qmp" not in lines[0]
    words = shlex.split(lines[1])
    assert words[words.index("-qmp") + 1] == f"unix:path={tmp_path}/a,,b,server=on,wait=off"


def test_a_dry_run_for_programs_names_what_the_command_writes(tmp_path: Path) -> None:
    kernel = resolve(str(toy.make_kernel(tmp_path)))
    options = RunOptions(kernel.name, memory="256M")
    folder = tmp_path / "run"
    line = dry_run(options, kernel, toy.make_emulator(tmp_path, "userspace"), folder)
    plan = planned(line, folder, hardware=False)
    assert (plan["format"], plan["backend"], plan["run"]) == (1, "emulator", str(folder))
    subprocess.run(plan["command"], check=True)
    for path in (plan["writes"][name] for name in ("console", "events", "report")):
        assert Path(path).is_file()
    assert Path(plan["writes"]["snapshots"]).is_dir()


def test_the_series_functions_are_skipped_and_recorded(tmp_path: Path) -> None:
    names = ("_stext", "accept_units", "release_one", "caller", "_etext")
    addresses = range(0xFFFFFFFF81000000, 0xFFFFFFFF81000500, 0x100)
    table = zip(addresses, names, strict=True)
    (tmp_path / "System.map").write_text("".join(f"{at:x} T {name}\n" for at, name in table))
    plain = resolve(str(toy.make_kernel(tmp_path)))
    kernel = replace(plain, series={"name": "mine", "skip": ["accept_units"]})
    options = RunOptions(kernel.name, memory="256M", vmlinux=str(tmp_path / "System.map"))
    emulator = toy.make_emulator(tmp_path, "userspace")
    skipped = {}
    for name, one in (("plain", plain), ("mine", kernel)):
        perform(options, one, emulator, tmp_path / name, True)
        lines = (tmp_path / name / "handoff" / "skip-list").read_text().splitlines()
        skipped[name] = [line for line in lines if line.startswith("skip")]
    assert skipped == {"plain": [], "mine": ["skip 0xffffffff81000100 0xffffffff81000200"]}
    info = Run.open(tmp_path / "mine").info
    assert (info.series_functions("skip"), info.series_functions("waits")) == (
        ("accept_units",),
        (),
    )
    keys = {run_cache.key_of(options, one, emulator, "init") for one in (plain, kernel)}
    assert len(keys) == 2, "a run with other callers in its trace is another run"


def test_the_reproducing_line_names_a_path_that_holds_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.make_kernel(tmp_path)
    monkeypatch.chdir(tmp_path)
    kernel = resolve("bzImage")
    emulator = toy.make_emulator(tmp_path, "userspace")
    finished = perform(RunOptions("bzImage", memory="256M"), kernel, emulator, Path("run"), False)
    line = json.loads((finished.folder / "run.json").read_text())["reproduce"]
    assert line.startswith(f"acceptlab run {tmp_path}/bzImage --platform snp")
