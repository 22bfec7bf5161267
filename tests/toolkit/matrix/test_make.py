# SPDX-License-Identifier: GPL-2.0-only
"""A matrix of toy runs: what is kept, what is made again, what a missing kernel or a failing run comes to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT, IMPORTS
from tests.toolkit import toy

pytestmark = pytest.mark.processes

_MAIN = """
import signal, sys
from pathlib import Path
from tests.toolkit import toy
from acceptlab.toolkit.cli import app
from acceptlab.toolkit.cli import run_worker
from acceptlab.toolkit.qemu import emulator_build
signal.signal(signal.SIGINT, signal.default_int_handler)
emulator = toy.make_emulator(Path(sys.argv.pop(1)), sys.argv.pop(1))
emulator_build.ensure = lambda: emulator
app.main() if sys.argv[1:] else run_worker.main()
"""

SPEC = """
[options]
kernel = "bzImage"
memory = "256M"
[axes]
seed = [1, 2]
platform = ["snp", "tdx"]
"""

Matrix = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.Popen[str]]:
    """Start `acceptlab matrix` with a toy emulator, in the matrix and in its runs; they are real processes."""
    toy.make_kernel(tmp_path)
    (tmp_path / "spec.toml").write_text(SPEC)
    stand_in = tmp_path / "stand-in"
    stand_in.mkdir()
    (stand_in / "main.py").write_text(_MAIN)

    def begin(mode: str, *words: str) -> subprocess.Popen[str]:
        # The workers are `python -m acceptlab.toolkit.cli.run_worker`: their python is ours, with the toy emulator put in.
        python = stand_in / f"python-{mode}"
        python.write_text(
            f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{stand_in}/main.py" "{tmp_path}" {mode} "$@"\n'
        )
        python.chmod(0o755)
        code = f"import sys; sys.executable = {str(python)!r}; sys.argv[1:1] = [{str(tmp_path)!r}, {mode!r}]\n"
        return subprocess.Popen(
            [sys.executable, "-c", code + _MAIN, "matrix", "spec.toml", "--out", "m", *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{IMPORTS}:{CHECKOUT}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return begin


@pytest.fixture
def matrix(start: Callable[..., subprocess.Popen[str]]) -> Matrix:
    def run(mode: str = "userspace", *words: str) -> subprocess.CompletedProcess[str]:
        process = start(mode, *words)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess([], process.returncode, out, err)

    return run


def made_at(folder: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("m/cells/*/run.json")}


def test_a_finished_cell_is_kept_and_only_missing_or_changed_ones_are_made(
    tmp_path: Path, matrix: Matrix
) -> None:
    done = matrix()
    assert done.returncode == 4, done.stderr  # the toy's trace has no stages: undecided
    first = made_at(tmp_path)
    assert len(first) == 4
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        ".matrix", "cells", "matrix.json", "matrix.html", "table.txt",
    }  # fmt: skip
    (tmp_path / "spec.toml").write_text(SPEC.replace("[1, 2]", "[2, 3]"))
    gone = next(path for path in (tmp_path / "m" / "cells").glob("tdx-*-seed2-*.json"))
    gone.unlink()
    matrix()
    second = made_at(tmp_path)
    again = {name for name in second if second[name] != first.get(name)}
    assert {name.rsplit("-", 1)[0] for name in again} == {
        "snp-256M-1cpu-lazy-below-4g-seed3", "tdx-256M-1cpu-lazy-below-4g-seed3",
        "tdx-256M-1cpu-lazy-below-4g-seed2",
    }  # fmt: skip
    (tmp_path / "bzImage").write_bytes(toy.make_bzimage() + b"\0")
    (tmp_path / "spec.toml").write_text(SPEC.replace("[1, 2]", "[2]"))
    matrix()
    assert not set(made_at(tmp_path)) & set(first) - set(second)
    assert len(made_at(tmp_path)) == len(second) + 2


def test_the_answer_for_programs_leads_back_to_every_run(tmp_path: Path, matrix: Matrix) -> None:
    answer = json.loads(matrix("userspace", "--json").stdout)
    cells = answer["sweeps"][0]["cells"]
    assert [cell["labels"] for cell in cells] == [
        {"seed": seed, "platform": platform} for seed in "12" for platform in ("snp", "tdx")
    ]
    for cell in cells:
        recorded = json.loads((tmp_path / "m" / cell["run"] / "run.json").read_text())
        assert recorded["reproduce"] == cell["reproduce"]
        assert recorded["platform"] == cell["labels"]["platform"]
    kept = json.loads((tmp_path / "m" / "matrix.json").read_text())
    assert kept["sweeps"] == answer["sweeps"]


def test_a_run_that_does_not_reach_userspace_is_exit_1(tmp_path: Path, matrix: Matrix) -> None:
    (tmp_path / "spec.toml").write_text(
        SPEC.replace('"snp", "tdx"', '"snp"').replace("[1, 2]", "[1]")
    )
    done = matrix("panic")
    assert done.returncode == 1, done.stderr
    assert "panic no init" in done.stdout


def test_a_missing_kernel_is_told_and_the_others_are_made(tmp_path: Path, matrix: Matrix) -> None:
    (tmp_path / "spec.toml").write_text(
        SPEC.replace('platform = ["snp", "tdx"]', 'kernel = ["bzImage", "not-built"]')
    )
    done = matrix()
    assert len(made_at(tmp_path)) == 2
    assert "MISSING: no kernel 'not-built'" in " ".join(done.stdout.split())
    assert "missing" in (tmp_path / "m" / "table.txt").read_text()
    assert done.returncode == 3


def test_an_emulator_that_fails_ends_the_matrix_with_one_line(
    tmp_path: Path, matrix: Matrix
) -> None:
    done = matrix("refuses")
    errors = [line for line in done.stderr.splitlines() if line.startswith("acceptlab: ")]
    assert done.returncode == 3
    assert len(errors) == 1
    assert "toy: cannot do that" in errors[0]
    assert not list((tmp_path / "m" / "cells").iterdir())


def test_a_folder_of_something_else_is_refused(tmp_path: Path, matrix: Matrix) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "precious").write_text("keep")
    done = matrix()
    assert done.returncode == 2
    assert "not a matrix" in done.stderr
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["precious"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_process_and_no_half_cell(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    process = start("hang", "--jobs", "2")
    wait_for_cells(tmp_path, process, 2)
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: to everybody
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1].startswith("acceptlab: interrupted")
    assert not list((tmp_path / "m" / "cells").iterdir())
    assert alive(tmp_path) == []


def test_a_worker_that_is_killed_leaves_no_process_and_no_half_cell(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("hang", "--jobs", "1")
    started = wait_for_cells(tmp_path, process, 1)
    os.kill(parent_of_emulator(started[0]), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "its process was killed by signal 9" in " ".join(err.split())
    assert not list((tmp_path / "m" / "cells").iterdir())
    assert alive(tmp_path) == []


def wait_for_cells(tmp_path: Path, process: subprocess.Popen[str], number: int) -> list[Path]:
    """Wait until the emulators of so many cells run; return these cells."""
    deadline = time.monotonic() + 60
    while len(found := list((tmp_path / "m").glob("cells/*/started"))) < number:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    return [path.parent for path in found]


def parent_of_emulator(cell: Path) -> int:
    """Return the id of the process that started the emulator of a cell."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if f"{cell}/" in words and "-emulated,id=" in words:
                return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    raise AssertionError(f"{cell}: no emulator")


def alive(tmp_path: Path) -> list[str]:
    """Return the command lines of this test's processes that go on."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(tmp_path) in words and int(process.name) != os.getpid():
            found.append(words)
    return found
