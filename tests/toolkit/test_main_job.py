# SPDX-License-Identifier: GPL-2.0-only
"""The main job on the real emulator and Debian's stock kernels: what demo, README and tests/boots do not show already."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit.places import CHECKOUT

pytestmark = [pytest.mark.boots, pytest.mark.emulator]

SMALL = ["--memory", "2G", "--firmware-accepts", "minimal"]


def acceptlab(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CHECKOUT / "acceptlab", *words], capture_output=True, text=True, check=False
    )


def run(folder: Path, kernel: str, *words: str) -> dict[str, Any]:
    """Run once and return run.json."""
    done = acceptlab("run", kernel, *words, "--out", str(folder))
    assert (folder / "run.json").exists(), done.stderr
    return dict(json.loads((folder / "run.json").read_text()))


@pytest.mark.parametrize(
    ("platform", "outcome", "says"),
    [
        ("snp", "userspace", "lacks CONFIG_UNACCEPTED_MEMORY"),
        ("tdx", "triple-fault", "lacks support for TDX guests"),
    ],
)
def test_an_old_kernel_gets_an_answer_that_says_so(
    tmp_path: Path, platform: str, outcome: str, says: str
) -> None:
    words = ["--platform", platform, *SMALL, "--time-limit", "120"]
    recorded = run(tmp_path / "old", "debian:6.1", *words)
    assert recorded["outcome"] == outcome
    assert says in recorded["reason"]


def test_a_time_limit_ends_a_guest_and_tells_where_it_was(tmp_path: Path) -> None:
    # Idle time passes quickly in a guest that counts instructions: let it be far more than fits the limit.
    words = [*SMALL, "--workload", "idle:100000", "--time-limit", "10"]
    recorded = run(tmp_path / "idle", "debian:6.12", *words)
    assert recorded["outcome"] == "timeout"
    assert "limit of 10 s" in recorded["reason"]
    assert recorded["report"]["rip"].startswith("0x")
    assert recorded["events"]["complete"]
