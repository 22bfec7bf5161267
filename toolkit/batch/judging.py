# SPDX-License-Identifier: GPL-2.0-only
"""Judging many runs on an engine, with progress."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path

from acceptlab.analysis.batch.dataset import Dataset
from acceptlab.analysis.batch.run_row import row_of
from acceptlab.toolkit.progress import step


def judge_all(folders: Sequence[Path], engine: Executor, symbols_cache: Path) -> Dataset:
    """Judge every run on `engine` and return their rows; the order in which they end does not matter."""
    with step(f"judging {len(folders):,} runs") as progress:
        coming = [
            engine.submit(row_of, str(folder.resolve()), str(symbols_cache)) for folder in folders
        ]
        rows = []
        for future in as_completed(coming):
            rows.append(future.result())
            progress.update(len(rows), len(folders), f"{len(rows):,} of {len(folders):,} runs")
    return Dataset(rows)
