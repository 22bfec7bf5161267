# SPDX-License-Identifier: GPL-2.0-only
"""Bad input ends in one clear line on stderr and its exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.cli import run as run_command
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.run.emulator_run import perform
from acceptlab.toolkit.run.options import RunOptions
from tests.toolkit import toy
from tests.toolkit.in_process import Command, in_process


@pytest.fixture
def acceptlab(
    tmp_path: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Return a function that runs the command in this process, in tmp_path, with a toy emulator."""
    monkeypatch.chdir(tmp_path)
    emulator = toy.make_emulator(tmp_path, "userspace")
    monkeypatch.setattr(run_command.emulator_build, "ensure", lambda: emulator)
    toy.make_kernel(tmp_path)

    return in_process(monkeypatch, capsys)


def recorded(tmp_path: Path) -> Path:
    kernel = resolve(str(tmp_path / "bzImage"))
    toy_emulator = toy.make_emulator(tmp_path, "userspace")
    options = RunOptions(kernel.name, memory="256M")
    return perform(options, kernel, toy_emulator, tmp_path / "old", False).folder


def not_a_kernel(folder: Path) -> None:
    (folder / "bzImage").write_bytes(os.urandom(1 << 16))


def a_32_bit_kernel(folder: Path) -> None:
    (folder / "bzImage").write_bytes(toy.make_bzimage(xloadflags=0))


def a_kernel_cut_short(folder: Path) -> None:
    (folder / "bzImage").write_bytes(toy.make_bzimage()[:3000])


def an_empty_file(folder: Path) -> None:
    (folder / "bzImage").write_bytes(b"")


@pytest.mark.parametrize(
    "spoil", [not_a_kernel, a_32_bit_kernel, a_kernel_cut_short, an_empty_file]
)
def test_a_file_that_is_no_usable_kernel(
    acceptlab: Callable[..., tuple[int, str, str]], tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(tmp_path)
    code, out, err = acceptlab("run", "bzImage", "--out", "run")
    assert (code, out) == (2, "")
    assert err.startswith("acceptlab: ")
    assert err.count("\n") == 1
    assert "bzImage" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--memory", "0"], "--memory 0"),
        (["--memory", "1000T"], "address width"),
        (["--memory", "16M"], "memory"),
        (["--cpus", "99"], "--cpus 99"),
        (["--firmware-accepts", "some"], "below-4g, minimal"),
        (["--hole", "1M-100M"], "the kernel needs"),
        (["--workload", "dance"], "workload"),
        (["--vmlinux", "/nowhere/vmlinux"], "/nowhere/vmlinux"),
        (["--append", "x" * 5000], "command line exceeds"),
        (["--out", "bzImage"], "not a folder"),
    ],
)
def test_options_that_no_run_can_have(
    acceptlab: Callable[..., tuple[int, str, str]], tmp_path: Path, words: list[str], says: str
) -> None:
    out = [] if "--out" in words else ["--out", "run"]
    memory = [] if "--memory" in words else ["--memory", "256M"]
    code, printed, err = acceptlab("run", "bzImage", *memory, *words, *out)
    assert (code, printed) == (2, "")
    assert err.startswith("acceptlab: ")
    assert err.count("\n") == 1
    assert says in err
    assert not (tmp_path / "run").exists()


def test_an_error_leaves_no_folder_in_the_cache_either(
    acceptlab: Callable[..., tuple[int, str, str]], own_cache: Path
) -> None:
    assert acceptlab("run", "bzImage", "--memory", "256M", "--vmlinux", "/nowhere")[0] == 2
    assert list((own_cache / "acceptlab" / "runs").iterdir()) == []


@pytest.mark.parametrize(
    "words", [["--platform", "sev"], ["--host-backing", "1G"], ["--cpus", "x"]]
)
def test_words_that_are_no_choice_are_wrong_usage(
    acceptlab: Callable[..., tuple[int, str, str]], words: list[str]
) -> None:
    assert acceptlab("run", "bzImage", *words)[0] == 2


def cut_events(run: Path) -> None:
    path = run / "events.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def edit_events(run: Path) -> None:
    path = run / "events.parquet"
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, len(data) // 2, 0x12345678)
    path.write_bytes(data)


def remove_events(run: Path) -> None:
    (run / "events.parquet").unlink()


def another_version(run: Path) -> None:
    change_json(run, format=2)


def another_outcome(run: Path) -> None:
    change_json(run, outcome="fine")


def half_a_json(run: Path) -> None:
    (run / "run.json").write_text((run / "run.json").read_text()[:100])


def change_json(run: Path, **values: object) -> None:
    data = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(data | values))


@pytest.mark.parametrize("command", ["replay", "report"])
@pytest.mark.parametrize(
    "spoil",
    [cut_events, edit_events, remove_events, another_version, another_outcome, half_a_json],
)
def test_a_run_folder_that_was_tampered_with(
    acceptlab: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    spoil: Callable[[Path], None],
    command: str,
) -> None:
    run = recorded(tmp_path)
    spoil(run)
    code, out, err = acceptlab(command, str(run))
    assert (code, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("acceptlab: ")]
    assert len(lines) == 1, err
    assert str(run) in lines[0] or "format" in lines[0]
    assert not (run / "verdict.json").exists()


def test_what_is_no_run_folder(acceptlab: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = acceptlab("replay", "/")
    assert code == 2
    assert "not a run folder" in err


def test_a_run_that_ends_well_prints_its_folder_last(
    acceptlab: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, _ = acceptlab("run", "bzImage", "--memory", "256M", "--out", "run")
    assert code == 0
    assert out.splitlines() == ["userspace", str(tmp_path / "run")]
    Run.open(tmp_path / "run").verify_events()


def test_json_is_one_value_on_stdout(
    acceptlab: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, _ = acceptlab("run", "bzImage", "--memory", "256M", "--json")
    answer = json.loads(out)
    assert (code, answer["outcome"], answer["events"]) == (0, "userspace", 10)
    assert Path(answer["run"]).parent == tmp_path / "cache" / "acceptlab" / "runs"


def test_replay_s_exit_code_is_the_verdict_s(
    acceptlab: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    run = recorded(tmp_path)
    code, out, _ = acceptlab("replay", str(run), "--json")
    verdict = json.loads(out)[0]["verdict"]
    assert code == {"clean": 0, "findings": 1, "undecided": 4}[verdict]
    assert json.loads((run / "verdict.json").read_text())["verdict"] == verdict
