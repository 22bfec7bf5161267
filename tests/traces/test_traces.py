# SPDX-License-Identifier: GPL-2.0-only
"""The recorded runs of traces/ get the verdicts that they are expected to get, and are what traces.toml says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.command_line import invoke

TRACES = CHECKOUT / "traces"
SPECS: dict[str, dict[str, Any]] = tomllib.loads((TRACES / "traces.toml").read_text())
MIB = 1 << 20


@cache
def make() -> ModuleType:
    """traces/make.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("make_traces", TRACES / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def info(name: str) -> RunInfo:
    return Run.open(TRACES / name).info


@pytest.mark.parametrize("name", SPECS)
def test_it_gets_the_expected_verdict(name: str) -> None:
    verdict = make().essence(replay_run(TRACES / name, write=False).to_json())
    assert verdict == json.loads((TRACES / name / "expected.json").read_text())
    assert verdict["verdict"] == SPECS[name]["verdict"]


def test_every_folder_is_in_the_list() -> None:
    assert {path.name for path in TRACES.iterdir() if path.is_dir()} - {"__pycache__"} == set(SPECS)


def test_they_are_small() -> None:
    sizes = {
        name: sum(file.stat().st_size for file in (TRACES / name).rglob("*") if file.is_file())
        for name in SPECS
    }
    assert max(sizes.values()) < MIB
    assert sum(sizes.values()) < 8 * MIB


def test_they_are_of_every_sort() -> None:
    assert len(SPECS) >= 8
    infos = {name: info(name) for name in SPECS}
    runs = list(infos.values())
    assert {one.platform for one in runs} == {"snp", "tdx"}
    assert {(one.platform, one.machine.accept) for one in runs} >= {
        (platform, accept) for platform in ("snp", "tdx") for accept in ("lazy", "eager")
    }
    assert any(one.attacks for one in runs)
    assert {"emulator", "ftrace", "ebpf"} == {one.source for one in runs}
    assert infos["tdx-kexec"].outcome == "userspace"
    assert {spec["verdict"] for spec in SPECS.values()} == {"clean", "findings", "undecided"}


@pytest.mark.parametrize("name", SPECS)
def test_it_tells_nothing_of_the_machine_that_made_it(name: str) -> None:
    text = (TRACES / name / "run.json").read_text()
    assert not re.search(r'"/(?!dev\b)|/home/|/root/|/tmp/', text)


@pytest.mark.processes
def test_the_commands_of_the_readme_work(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (TRACES / "README.md").read_text(), re.M | re.S)
    (tmp_path / "acceptlab").symlink_to(CHECKOUT / "acceptlab")
    shutil.copytree(TRACES, tmp_path / "traces")
    for command in blocks[0].splitlines():
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def made_from(one: RunInfo) -> dict[str, object]:
    """All that the events of a run depend on, besides the command: they are equal where these are."""
    return {
        "kernel": one.kernel.sha256,
        "initrd": one.initrd_sha256,
        "emulator": one.emulator["key"],
        "handoff": one.handoff,
        "command line": one.command_line,
    }


def test_they_name_what_they_were_made_from() -> None:
    for name in SPECS:
        assert all(made_from(info(name)).values()), name


@pytest.mark.long
@pytest.mark.parametrize("name", ["tdx-eager-4k", "snp-attack", "tdx-ftrace"])
def test_made_anew_it_says_the_same(name: str, tmp_path: Path) -> None:
    """The same verdict, whatever it is made from; the same events, if that is what the old one was made from."""
    first, again = tmp_path / "first", tmp_path / "again"
    for home in (first, again):
        (home / "scratch").mkdir(parents=True)
        assert make().make(name, SPECS[name], home / "scratch", home) == 0
        new = (home / name / "expected.json").read_text()
        assert json.loads(new) == json.loads((TRACES / name / "expected.json").read_text())
    one, other, kept = Run.open(first / name).info, Run.open(again / name).info, info(name)
    assert one.events == other.events
    if made_from(one) == made_from(kept):
        assert one.events == kept.events


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("replay", "snp-lazy", "--page", "0x10000000"), "get_page_from_freelist"),
        (("replay", "tdx-lazy", "--page", "0x10000000"), "get_page_from_freelist"),
        (("report", "snp-lazy"), "get_page_from_freelist"),
    ],
    ids=" ".join,
)
def test_a_folder_elsewhere_shows_functions_without_the_kernel(
    tmp_path: Path, words: tuple[str, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    command, trace, *options = words
    moved = tmp_path / trace
    shutil.copytree(TRACES / trace, moved)

    def printed() -> str:
        done = invoke([command, str(moved), *options])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert name in printed()
    (moved / "symbols.json").unlink()
    assert name not in printed()
