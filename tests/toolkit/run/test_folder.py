# SPDX-License-Identifier: GPL-2.0-only
"""A run folder belongs to one run."""

from __future__ import annotations

import pkgutil
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.run import new_folder
from acceptlab.toolkit.run.new_folder import claimed, fresh


def test_a_new_folder_is_made_and_kept(tmp_path: Path) -> None:
    with claimed(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "run.json").touch()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["run.json"]


def test_after_an_error_the_folder_is_as_before(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(RuntimeError), claimed(tmp_path / name):
            (tmp_path / name / "events.raw").touch()
            (tmp_path / name / "bitmap").mkdir()
            raise RuntimeError
    assert not (tmp_path / "new").exists()
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("how", ["removed", "emptied", "replaced"])
@pytest.mark.parametrize("ends", ["well", "missing file", "emulator"])
def test_a_folder_that_is_removed_under_its_run_ends_it_in_one_line(
    how: str, ends: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(
            BadInputError, match=f"{out} was removed, or emptied, while it was written to"
        ),
        claimed(out),
    ):
        shutil.rmtree(out)
        if how != "removed":
            out.mkdir()
        if how == "replaced":
            (out / ".running").touch()
        if ends == "missing file":
            (out / "events.raw").read_bytes()
        if ends == "emulator":
            raise MachineError("the emulator failed: no such file")
    left = {"removed": None, "emptied": [], "replaced": [".running"]}[how]
    assert left is None or [one.name for one in out.iterdir()] == left


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize(
    "behind", ["pathlib.Path.mkdir", f"{new_folder.__name__}.lock_file", "fcntl.flock"]
)
def test_an_interrupt_while_the_folder_is_made_leaves_nothing(
    behind: str, existed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes right behind an act, before anything can take note of the act."""
    out = tmp_path / "out"
    if existed:
        out.mkdir()
    owner, _, name = behind.rpartition(".")
    act = getattr(pkgutil.resolve_name(owner), name)

    def interrupted(*words: Any, **more: Any) -> Any:
        done = act(*words, **more)
        signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(behind, interrupted)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), claimed(out):
        raise AssertionError
    assert [one.name for one in tmp_path.iterdir()] == (["out"] if existed else [])
    assert not existed or not list(out.iterdir())
    assert signal.getsignal(signal.SIGINT) == handler


def test_an_interrupt_is_one_whatever_became_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), claimed(tmp_path / "out"):
        shutil.rmtree(tmp_path / "out")
        raise KeyboardInterrupt


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match="not a folder"), claimed(tmp_path / "file"):
        pass


@pytest.mark.processes
def test_a_second_run_into_a_folder_in_use_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from toolkit.run.new_folder import claimed\n"
        "with claimed(Path(sys.argv[1])): pass"
    )
    with claimed(tmp_path / "run"):
        (tmp_path / "run" / "console.log").write_text("first")
        second = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "run")],
            cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "another run is writing to" in second.stderr
        assert (tmp_path / "run" / ".running").exists()
    assert (tmp_path / "run" / "console.log").read_text() == "first"


def test_fresh_folders_never_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert len({fresh("x") for _ in range(5)}) == 5
