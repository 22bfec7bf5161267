# SPDX-License-Identifier: GPL-2.0-only
"""A small matrix of real runs, and what it says of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT


def test_the_minimal_handoff_leaves_more_to_the_guest(tmp_path: Path) -> None:
    words = [
        "matrix",
        str(CHECKOUT / "data" / "sweeps" / "small.toml"),
        "--out",
        str(tmp_path / "m"),
        "--json",
    ]
    command = [sys.executable, "-m", "acceptlab.toolkit", *words]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    whole, minimal = (cell["facts"] for cell in json.loads(done.stdout)["sweeps"][0]["cells"])
    assert whole["verdict"] == minimal["verdict"] == "clean"
    assert whole["accepts"] < minimal["accepts"]
    assert whole["at_handoff"] > minimal["at_handoff"]
    again = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == json.loads(done.stdout)
    assert "2 runs" not in again.stderr
