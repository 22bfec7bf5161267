# SPDX-License-Identifier: GPL-2.0-only
"""How much memory this process had at most.

Not getrusage()'s ru_maxrss, which begins with the peak of the process that started this one: exec() keeps it
(exec_mmap() in Linux' fs/exec.c), so that a small child of a large pytest worker counts as large.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT, IMPORTS

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # Documentation/filesystems/proc.rst, table of clear_refs


def peak() -> int:
    """Return this process's peak of resident memory in bytes, since it began or reset() was called."""
    return _bytes("VmHWM")


def reset() -> None:
    """Begin anew: the peak is what is resident now."""
    _CLEAR_REFS.write_text(_RESET_PEAK)


def child_environment() -> dict[str, str]:
    """Return the environment of a Python process that imports this module and acceptlab."""
    return os.environ | {"PYTHONPATH": f"{IMPORTS}:{CHECKOUT}"}


@dataclass
class Growth:
    """Bytes by which the peak rose above what was resident at the beginning."""

    bytes: int = 0


@contextmanager
def growth() -> Iterator[Growth]:
    """Measure a block of code: the result is in what it yields, once the block has ended."""
    grown = Growth()
    reset()
    before = peak()
    yield grown
    grown.bytes = peak() - before


def _bytes(name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert found, f"{_STATUS} has no {name}"
    return int(found[1]) << 10
