# SPDX-License-Identifier: GPL-2.0-only
"""What is measured as the peak is this process's own, whoever started it and whatever it held before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests import peak_memory

MIB = 1 << 20
_OWN = "from tests import peak_memory; print(peak_memory.peak())"


def touch(size: int) -> None:
    """Hold so many bytes, each page touched, for a moment."""
    np.ones(size, np.uint8)


@pytest.mark.processes
def test_a_child_does_not_inherit_the_peak() -> None:
    much = np.ones(256 * MIB, np.uint8)
    child = [sys.executable, "-c", _OWN]
    done = subprocess.run(
        child, env=peak_memory.child_environment(), capture_output=True, text=True, check=True
    )
    assert MIB < int(done.stdout) < len(much) // 2


def test_growth_is_that_of_the_block_alone() -> None:
    touch(256 * MIB)
    with peak_memory.growth() as grown:
        touch(64 * MIB)
    assert 60 * MIB < grown.bytes < 128 * MIB
    with peak_memory.growth() as grown:
        pass
    assert grown.bytes < 16 * MIB


def test_no_test_measures_what_a_parent_held() -> None:
    """ru_maxrss of RUSAGE_SELF does (exec_mmap() in fs/exec.c)."""
    mine = str(Path(__file__).relative_to(CHECKOUT))
    users = {
        str(path.relative_to(CHECKOUT))
        for top in ("tests", "benchmarks")
        for path in (CHECKOUT / top).rglob("*.py")
        if "RUSAGE_SELF" in path.read_text()
    }
    assert users == {mine}
