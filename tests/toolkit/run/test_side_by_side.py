# SPDX-License-Identifier: GPL-2.0-only
"""Several runs at once: answers in order, the first error told, nobody left behind."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.toolkit.runs import side_by_side
from acceptlab.toolkit.runs.side_by_side import RunFailedError, Wanted, run_all

Start = Callable[[Wanted], "subprocess.Popen[str]"]


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """Have every run be a program of the shell, its only argument; return those that were started."""
    started: list[subprocess.Popen[str]] = []

    def start(one: Wanted) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            ["sh", "-c", *one.arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(child)
        return child

    monkeypatch.setattr(side_by_side, "start_run", start)
    return started


def wanted(folder: Path, *programs: str) -> list[Wanted]:
    return [Wanted(f"run {n}", [text], folder / str(n)) for n, text in enumerate(programs)]


def test_answers_come_in_order(children: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    slow, quick = """sleep 0.3; echo '{"n": 1}'""", """echo '{"n": 2}'; exit 1"""
    assert run_all(wanted(tmp_path, slow, quick)) == [{"n": 1}, {"n": 2}]


def test_a_run_that_cannot_be_made_stops_the_others(
    children: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    failing = "echo noise >&2; echo acceptlab: no room >&2; exit 3"
    with pytest.raises(RunFailedError, match=r"^no room$") as raised:
        run_all(wanted(tmp_path, "exec sleep 600", failing))
    assert raised.value.exit_code == 3
    assert [child.poll() for child in children] == [-signal.SIGTERM, 3]


def test_the_real_child_is_an_acceptlab_run(tmp_path: Path, own_cache: Path) -> None:
    bad = Wanted("bad", ["/nowhere/bzImage", "--memory", "0"], tmp_path / "run")
    with pytest.raises(RunFailedError, match="--memory 0") as raised:
        run_all([bad])
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)
