# SPDX-License-Identifier: GPL-2.0-only
"""Every check of the model that is broken on purpose is noticed by a vector."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model.library import HERE, MODEL, VECTORS
from tests.model.mutants import Mutant, build, load

MUTANTS = load()
CATCHERS = [*map(str, VECTORS), str(HERE / "test_memory_map.py")]


def test_places_are_unique() -> None:
    """Each mutant has its one place in today's source, and a name of its own."""
    for mutant in MUTANTS:
        assert (MODEL / mutant.file).read_text().count(mutant.old) == 1, mutant.name
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.long
@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.name) for m in MUTANTS])
def test_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    library = build(mutant, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *CATCHERS],
        env=os.environ | {"ACCEPTLAB_MODEL_LIBRARY": str(library)},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # 1: a test failed. A segmentation fault (negative) is not how a check should show.
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
