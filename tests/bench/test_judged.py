# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmark says of a replay is about that replay alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.judged import judge
from tests.analysis.synthetic import booted

pytestmark = pytest.mark.processes


def test_the_peak_is_not_that_of_the_benchmark(tmp_path: Path) -> None:
    much = np.ones(120 << 20, np.uint64)  # 960 MiB, touched
    judged = judge(booted().write(tmp_path / "run"))
    assert judged.verdict == "clean"
    assert 20 << 20 < judged.peak < much.nbytes // 2
