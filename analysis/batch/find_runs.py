# SPDX-License-Identifier: GPL-2.0-only
"""Finding the run folders below some folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput


def run_folders(places: Iterable[Path]) -> list[Path]:
    """All folders with a run.json at or below ``places``, sorted, each once.

    Raises BadInput for a place that is not a folder, and when there is no run at all.
    """
    found: set[Path] = set()
    listed = list(places)
    for place in listed:
        if not place.is_dir():
            raise BadInput(
                f"{place} is not a folder: give run folders, or directories that contain run folders"
            )
        for folder, inner, files in os.walk(place):
            if "run.json" in files:
                found.add(Path(folder))
                inner.clear()  # a run holds no other runs
    if not found:
        raise BadInput(f"no run folder in {', '.join(map(str, listed))}")
    return sorted(found)
