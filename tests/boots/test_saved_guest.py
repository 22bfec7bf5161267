# SPDX-License-Identifier: GPL-2.0-only
"""A run of Debian's kernel that goes on from a guest saved late leaves what the whole run leaves, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from acceptlab.analysis.run.run_folder import Run
from tests.boots.conftest import BootGuest
from tests.boots.test_probes import MACHINE

LATEST = 0.9
"""Part of the run's instructions after which the guest is saved: probes are armed, and many calls and accepts lie behind."""


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_late_fork_leaves_what_the_whole_run_leaves(
    boot: BootGuest, tmp_path: Path, platform: str
) -> None:
    whole = boot("debian:6.12", "--platform", platform, *MACHINE).folder
    report = Run.open(whole).info.report
    assert report is not None
    at = f"icount:{int(report['instructions'] * LATEST)}"
    saved, forked = tmp_path / "saved", tmp_path / "forked"
    acceptlab("debug", str(whole), "--at", at, "--save", str(saved))
    words = ["debian:6.12", "--platform", platform, *MACHINE, "--from-saved", str(saved)]
    acceptlab("run", *words, "--out", str(forked))
    for name in ("events.parquet", "console.log"):
        assert (forked / name).read_bytes() == (whole / name).read_bytes(), name
    for one in (whole / "bitmap").iterdir():
        assert (forked / "bitmap" / one.name).read_bytes() == one.read_bytes(), one.name
    assert Run.open(forked).info.report == report


def acceptlab(*words: str) -> None:
    command = [sys.executable, "-m", "acceptlab.toolkit", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
