# SPDX-License-Identifier: GPL-2.0-only
"""Folders and files of the cache: whole or absent, whatever ends their maker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from acceptlab.toolkit import whole_files, whole_folders
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.whole_files import cached_file, write_whole
from acceptlab.toolkit.whole_folders import made_beside, remove_left_behind, scratch

_MAKES = """
import sys, time
from pathlib import Path
from acceptlab.toolkit.whole_folders import made_beside
with made_beside(Path(sys.argv[1])) as beside:
    (beside / "half").write_text("made")
    print("making", flush=True)
    time.sleep(600)
"""

_SCRATCH = """
import os, sys, tempfile
from acceptlab.toolkit.whole_folders import scratch
tempfile.tempdir = sys.argv[1]
with scratch("acceptlab-debug-") as folder:
    (folder / "half").write_text("made")
    print(folder.name, flush=True)
    os.kill(os.getpid(), 9)
"""


def names(folder: Path) -> list[str]:
    """Return what is in a folder, but for locks."""
    return sorted(one.name for one in folder.iterdir() if not one.name.endswith(".lock"))


def maker(folder: Path) -> subprocess.Popen[str]:
    """Start a process that makes a folder without end."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MAKES, str(folder)],
        cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "making\n"
    return process


def test_a_made_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with made_beside(tmp_path / "kernel") as beside:
            (beside / "bzImage").write_text(content)
    assert (tmp_path / "kernel" / "bzImage").read_text() == "second"
    assert names(tmp_path) == ["kernel"]


def test_an_error_leaves_the_old_folder_alone(tmp_path: Path) -> None:
    with made_beside(tmp_path / "kernel") as beside:
        (beside / "bzImage").write_text("first")
    with pytest.raises(RuntimeError), made_beside(tmp_path / "kernel") as beside:
        (beside / "bzImage").write_text("second")
        raise RuntimeError
    assert (tmp_path / "kernel" / "bzImage").read_text() == "first"
    assert names(tmp_path) == ["kernel"]


@pytest.mark.processes
def test_what_a_killed_maker_left_is_removed_by_the_next_and_nothing_of_a_living_one(
    tmp_path: Path,
) -> None:
    killed, lives = maker(tmp_path / "killed"), maker(tmp_path / "lives")
    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert names(tmp_path) == [f".killed.{killed.pid}.making", f".lives.{lives.pid}.making"]
        with made_beside(tmp_path / "other"):
            pass
        assert names(tmp_path) == [f".lives.{lives.pid}.making", "other"]
    finally:
        for process in (killed, lives):
            process.kill()
            process.communicate()
    remove_left_behind(tmp_path)
    assert names(tmp_path) == ["other"]


@pytest.mark.processes
def test_a_scratch_folder_of_a_killed_command_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", _SCRATCH, str(tmp_path)]
    killed = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    left = killed.stdout.strip()
    assert names(tmp_path) == [left] and left.startswith("acceptlab-debug-")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch("acceptlab-debug-") as first, scratch("acceptlab-debug-") as second:
        assert names(tmp_path) == sorted([first.name, second.name])
        assert left not in names(tmp_path)
    assert names(tmp_path) == []


def test_content_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename may survive a crash of the machine that the content does not: then the file has 0 bytes."""
    synced: list[str] = []

    def sync(path: Path) -> None:
        synced.append(path.name)
        if path.name == "bzImage":
            assert not (tmp_path / "kernel").exists()

    monkeypatch.setattr(whole_files, "sync", sync)
    monkeypatch.setattr(whole_folders, "sync", sync)
    with made_beside(tmp_path / "kernel") as beside:
        (beside / "bzImage").write_text("made")
    assert "bzImage" in synced and synced[-1] == tmp_path.name
    synced.clear()
    write_whole(tmp_path / "file", "made")
    assert synced == [f".file.{os.getpid()}"]


@pytest.mark.parametrize("damaged", [b"", b"other", b"mad"])
def test_a_damaged_file_of_the_cache_is_made_again(damaged: bytes, tmp_path: Path) -> None:
    made = cached_file(tmp_path, "key", ".cpio", lambda: b"made")
    made.write_bytes(damaged)
    again = cached_file(tmp_path, "key", ".cpio", lambda: b"made")
    assert again.read_bytes() == b"made" and names(tmp_path) == [again.name]


def test_a_whole_file_of_the_cache_is_not_made_again(tmp_path: Path) -> None:
    def twice() -> bytes:
        raise AssertionError

    made = cached_file(tmp_path, "key", ".cpio", lambda: b"made")
    assert cached_file(tmp_path, "key", ".cpio", twice) == made
