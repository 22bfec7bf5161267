# SPDX-License-Identifier: GPL-2.0-only
"""The demo of a series on the toy tree: every part of the path is gone, and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toolkit import toy
from tests.toolkit.series.conftest import Command

pytestmark = pytest.mark.processes


def test_the_whole_path(acceptlab: Command, three: Path, spec: Path, tmp_path: Path) -> None:
    other = toy.make_kernel(tmp_path)
    text = spec.read_text().replace("kernels = []", f'kernels = ["{other}"]')
    spec.write_text(text + '[policies]\nnone = "accept_memory=none"\nall = "accept_memory=all"\n')
    code, out, err = acceptlab("series", "demo", str(three))
    assert code in (0, 1), err
    assert "MISSING_SIGN_OFF" in out and "fail: 1 patch checked, problems with 3" in out
    policies, comparison = (Path(line) for line in out.splitlines()[-2:])
    assert policies.name == "matrix.html" and comparison.name == "bench.html"
    assert policies.is_file() and comparison.is_file()
    table = (policies.parent / "table.txt").read_text()
    assert table.count("none") >= 2 and table.count("all") >= 2
    assert (
        str(other)[-20:] in (comparison.parent / "bench.txt").read_text()
        or "bzImage" in comparison.read_text()
    )
    runs = {path.parent.name for path in policies.parent.glob("cells/*/run.json")}
    assert len(runs) == 4
