# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's build: keyed by what it is made from, found again, and clear when it fails. The tools are stand-ins."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.processes import state_of
from acceptlab.toolkit.qemu import bases, emulator_build, overlay, qemu_source

NINJA = """#!/bin/sh
echo '[1/2] cc a.c'
{body}
"""


@pytest.fixture
def workshop(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for stand-in tools, first on the PATH; QEMU's source is a tree with a `configure` that does nothing."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setattr(emulator_build, "_source", lambda *_: made_of(tmp_path))
    monkeypatch.setattr(overlay, "sync", lambda *_: 0)
    script(tools, "meson", "#!/bin/sh\necho 1.7.0\n")
    script(tmp_path, "configure", "#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(qemu_source, "unpack", lambda _, tree, __: unpack(tmp_path, tree))
    return tools


def unpack(tmp_path: Path, tree: Path) -> None:
    tree.mkdir(parents=True)
    (tmp_path / "configure").rename(tree / "configure")


def made_of(tmp_path: Path, debian: str = "d" * 64) -> qemu_source.Source:
    return qemu_source.Source(
        "1:7.2", tmp_path / "orig", tmp_path / "debian", "0" * 64, debian, "pinned"
    )


def script(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod((folder / name).stat().st_mode | stat.S_IXUSR)


def ninja(tools: Path, body: str) -> None:
    script(tools, "ninja", NINJA.format(body=body))


GOOD = 'echo binary > "$2/qemu-system-x86_64"; echo >> "$2/../calls"'


def test_a_built_emulator_is_found_and_not_built_again(workshop: Path) -> None:
    ninja(workshop, GOOD)
    first = emulator_build.ensure()
    assert first.binary.read_text() == "binary\n"
    ninja(workshop, "exit 1")
    assert emulator_build.ensure() == first
    assert emulator_build.find() == first


def test_an_emulator_of_another_base_does_not_count(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment chooses the base of every command, and the record of the emulator names it."""
    ninja(workshop, GOOD)
    first = emulator_build.ensure()
    assert first.build["qemu"] == bases.default().version
    other = "11.0"
    known = {first.build["qemu"]: bases.default(), other: replace(bases.default(), version=other)}
    monkeypatch.setattr(bases, "known", lambda: known)
    monkeypatch.setenv(bases.VARIABLE, other)
    assert emulator_build.find() is None
    second = emulator_build.ensure()
    assert (second.build["qemu"], second.key != first.key) == (other, True)
    assert emulator_build.find() == second
    monkeypatch.delenv(bases.VARIABLE)
    assert emulator_build.find() == first


def test_an_emulator_of_another_configure_line_does_not_count(
    workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ninja(workshop, GOOD)
    first = emulator_build.ensure()
    monkeypatch.setattr(emulator_build, "CONFIGURE", (*emulator_build.CONFIGURE, "--more"))
    assert emulator_build.find() is None
    assert emulator_build.ensure().key != first.key


def test_a_compiler_s_error_reaches_the_user_in_one_line(workshop: Path) -> None:
    ninja(workshop, "echo 'glue.c:7:3: error: expected ; before }'; exit 1")
    with pytest.raises(MachineError, match=r"glue\.c:7:3: error: expected ;"):
        emulator_build.ensure()
    assert emulator_build.find() is None


def test_a_failed_configure_reaches_the_user(workshop: Path, tmp_path: Path) -> None:
    script(tmp_path, "configure", "#!/bin/sh\necho 'ERROR: glib-2.56 is required'\nexit 1\n")
    with pytest.raises(MachineError, match=r"configure failed: ERROR: glib-2\.56"):
        emulator_build.ensure()


def test_after_a_failure_the_build_goes_on_in_the_same_tree(workshop: Path) -> None:
    ninja(workshop, "exit 1")
    with pytest.raises(MachineError):
        emulator_build.ensure()
    ninja(
        workshop, GOOD
    )  # the tree's `configure` is there once only: a second unpacking would fail
    assert emulator_build.ensure().binary.exists()


def test_an_interrupted_build_leaves_no_process_and_goes_on_in_the_same_tree(
    workshop: Path, tmp_path: Path
) -> None:
    """The interrupted builder is a process of its own, as `acceptlab setup` is."""
    ninja(
        workshop,
        f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60",
    )
    builder = multiprocessing.get_context("fork").Process(target=emulator_build.ensure)
    builder.start()
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert builder.pid is not None
    os.kill(builder.pid, signal.SIGINT)
    builder.join(30)
    assert builder.exitcode
    worker = int((tmp_path / "pid").read_text())
    while state_of(worker) not in ("", "Z"):
        assert time.monotonic() < deadline, "ninja goes on"
        time.sleep(0.02)
    assert emulator_build.find() is None
    ninja(workshop, GOOD)  # a second unpacking would fail, and a lock that is still held would hang
    assert emulator_build.ensure().binary.exists()


def test_the_key_tells_every_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = emulator_build.files_for(bases.default())
    keys = {
        emulator_build.key_of(bases.default(), made_of(tmp_path), files),
        emulator_build.key_of(bases.default(), made_of(tmp_path, "e" * 64), files),
    }
    keys.add(
        emulator_build.key_of(
            bases.default(),
            made_of(tmp_path),
            overlay.Overlay({**files.added, Path("x"): b""}, files.hooks),
        )
    )
    monkeypatch.setattr(emulator_build, "CONFIGURE", emulator_build.CONFIGURE[1:])
    keys.add(emulator_build.key_of(bases.default(), made_of(tmp_path), files))
    assert len(keys) == 4
