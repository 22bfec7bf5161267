# SPDX-License-Identifier: GPL-2.0-only
"""`series bench` from end to end: the same kernel twice differs in nothing, and a kernel that is not there is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT


def test_a_kernel_against_itself_and_against_none(tmp_path: Path) -> None:
    words = ["series", "bench", "a=debian:6.12", "b=debian:6.12", "gone=not-built", "--json"]
    words += ["--platform", "tdx", "--memory", "2G", "--seeds", "1", "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "acceptlab.toolkit", *words]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    bench = json.loads(done.stdout)
    assert [one["kernel"] for one in bench["missing"]] == ["gone"]
    for block in bench["blocks"]:
        first, second, gone = block["rows"]
        assert (second["median"], gone["median"]) == (first["median"], None)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "bench.txt", "bench.md", "bench.json", "bench.html",
    }  # fmt: skip
    assert "MISSING: gone on tdx" in (tmp_path / "out" / "bench.txt").read_text()
