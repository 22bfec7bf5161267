# SPDX-License-Identifier: GPL-2.0-only
"""The synthetic traces of the benchmark are what they are said to be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.invariants.judge import replay_run
from benchmarks import synthesis


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    synthesis.write_run(folder, 1)
    return folder


def test_it_is_clean(run: Path) -> None:
    verdict = replay_run(run, write=False)
    assert verdict.verdict == "clean"
    assert verdict.events == 512 * synthesis.EVENTS_PER_UNIT + 9


def test_it_has_the_events_of_a_guest_that_falls_back_to_pages(run: Path) -> None:
    table = pq.read_table(run / "events.parquet", columns=["kind", "size", "result"]).to_pandas()
    counts = Counter(table.astype({"kind": str}).itertuples(index=False, name=None))
    assert counts["convert", 2 << 20, 0] == 512
    assert counts["accept", 2 << 20, 6] == 512
    assert counts["accept", 4096, 0] == 512 * 512
