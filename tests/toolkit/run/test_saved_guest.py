# SPDX-License-Identifier: GPL-2.0-only
"""Saved guests as folders: which are refused, and how memory is copied."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.saved_guest import RECORD, Identity, copy_sparse, loading, read

IDENTITY = Identity("emulator", "kernel", "initrd", "console=ttyS0")
HOLE = 1 << 24


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    record = {"format": 1, "clock": 7, "identity": asdict(IDENTITY)}
    (tmp_path / RECORD).write_text(json.dumps(record))
    return tmp_path


def test_a_guest_of_the_same_run_is_read(saved: Path) -> None:
    assert read(saved, IDENTITY).clock == 7


@pytest.mark.parametrize("part", list(asdict(IDENTITY)))
def test_a_guest_that_was_booted_with_something_else_is_refused(saved: Path, part: str) -> None:
    with pytest.raises(BadInputError, match=part.replace("_", " ")):
        read(saved, replace(IDENTITY, **{part: "other"}))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clock": 1, "identity": {}}'])
def test_a_folder_without_a_saved_guest_is_refused(saved: Path, text: str) -> None:
    (saved / RECORD).write_text(text)
    with pytest.raises(BadInputError, match="not a saved guest"):
        read(saved, IDENTITY)


def test_memory_is_mapped_privately(saved: Path) -> None:
    command = ["qemu", "-object", "memory-backend-ram,id=ram0,size=4096,reserve=off"]
    [_, _, ram, *rest] = loading(command, read(saved, IDENTITY))
    assert ram.startswith("memory-backend-file,id=ram0,size=4096,")
    assert {"share=off", "readonly=on", "rom=off", f"mem-path={saved / 'ram'}"} <= set(
        ram.split(",")
    )
    assert rest[:2] == ["-incoming", f"file:{saved / 'state'}"]


def test_a_copy_has_the_same_content_and_the_same_holes(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    with source.open("wb") as file:
        file.truncate(3 * HOLE)
        for at in (0, HOLE, 2 * HOLE):
            file.seek(at)
            file.write(os.urandom(5000))
    copy_sparse(source, copy)
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_blocks * 512 < HOLE


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"threads": "multi"}, "--threads multi"),
        ({"schedule": "random:1", "cpus": 2}, "--schedule"),
        ({"platform": "plain"}, "--platform plain"),
    ],
)
def test_what_is_never_saved_does_not_go_on(options: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInputError, match=f"--from-saved: not with {why}"):
        RunOptions("debian:6.12", from_saved="there", **options)


def test_where_a_run_goes_on_from_is_no_part_of_it() -> None:
    assert "--from-saved" not in RunOptions("k", from_saved="there").reproduce("k")
