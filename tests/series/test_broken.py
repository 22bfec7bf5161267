# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that hangs, panics or triple-faults in the decompressor, in early boot or in userspace: the run says which, and where."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from acceptlab.toolkit.series.series_spec import read_spec
from tests.series.changed_kernels import HERE, edit, kernel_with, run

BROKEN: list[dict[str, Any]] = tomllib.loads((HERE / "broken" / "broken.toml").read_text())[
    "kernel"
]
_LIMIT = 60
"""Seconds of wall time after which a guest hangs; it reaches userspace in a tenth of that on an idle machine."""


def test_every_end_at_every_stage_is_there() -> None:
    names = [one["name"] for one in BROKEN]
    assert len(set(names)) == len(names)
    for stage in ("decompressor", "early-boot", "userspace"):
        assert any(name.startswith(stage) for name in names)


@pytest.mark.boots
@pytest.mark.emulator
@pytest.mark.long
@pytest.mark.parametrize("broken", BROKEN, ids=[one["name"] for one in BROKEN])
def test_the_run_says_how_and_where_it_ended(broken: dict[str, Any], tmp_path: Path) -> None:
    spec = read_spec(HERE / "broken" / "series.toml")
    patch = edit(spec, broken["file"], broken["old"], broken["new"])
    kernel = kernel_with(spec, [patch], f"broken-{broken['name']}")
    for platform in ("snp", "tdx"):
        # The base knows nothing of unaccepted memory: it needs all of it from firmware.
        words = [
            "--platform",
            platform,
            "--memory",
            "2G",
            "--firmware-accepts",
            "all",
            "--time-limit",
            str(_LIMIT),
        ]
        done = run(kernel, tmp_path / platform, words)
        outcome = broken.get(f"outcome_{platform}", broken["outcome"])
        assert done.info["outcome"] == outcome, done.info["reason"]
        assert re.search(broken["says"], done.info["reason"]), done.info["reason"]
        assert done.exit_code == 1
        assert done.output.count("acceptlab: ") == 0
        assert str(done.folder) in done.output
