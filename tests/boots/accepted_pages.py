# SPDX-License-Identifier: GPL-2.0-only
"""The pages that a run accepted, one by one in order: what recorders of the same boot have to agree on."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

PAGE = 4096


def accepted_pages(run: Path) -> list[int]:
    """Return the guest physical page numbers, in the order in which they were accepted."""
    table = pq.read_table(run / "events.parquet", columns=["kind", "gpa", "size", "stage"])
    return [
        page
        for row in table.to_pylist()
        if row["kind"] == "accept"
        for page in range(row["gpa"] // PAGE, (row["gpa"] + row["size"]) // PAGE)
    ]


def assert_part_of(seen: list[int], all_of_them: list[int]) -> None:
    """Assert that what a recorder saw is what the emulator saw from a moment to another, nothing missing and nothing added."""
    start = all_of_them.index(seen[0])
    assert seen == all_of_them[start : start + len(seen)]
