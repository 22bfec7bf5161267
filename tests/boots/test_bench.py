# SPDX-License-Identifier: GPL-2.0-only
"""`series bench` from end to end: the same kernel twice differs in nothing; a kernel that is missing is refused before any boot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT


def bench(out: Path, *kernels: str) -> subprocess.CompletedProcess[str]:
    words = [
        "series",
        "bench",
        *kernels,
        "--json",
        "--platform",
        "tdx",
        "--memory",
        "2G",
        "--seeds",
        "1",
    ]
    command = [sys.executable, "-m", "acceptlab.toolkit", *words, "--out", str(out)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


def test_a_kernel_against_itself(tmp_path: Path) -> None:
    done = bench(tmp_path / "out", "a=debian:6.12", "b=debian:6.12")
    assert done.returncode == 0, done.stderr
    for block in json.loads(done.stdout)["blocks"]:
        first, second = block["rows"]
        assert second["median"] == first["median"]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "bench.txt", "bench.md", "bench.json", "bench.html",
    }  # fmt: skip


def test_a_missing_kernel_is_refused_before_anything_boots(tmp_path: Path) -> None:
    done = bench(tmp_path / "out", "a=debian:6.12", "gone=not-built")
    assert done.returncode == 2
    assert "no kernel 'not-built'" in done.stderr
    assert not (tmp_path / "out").exists()
