# SPDX-License-Identifier: GPL-2.0-only
"""Importing takes no more memory for a long file than for a short one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.trace.schema import NO_CARRY, RAW_DTYPE, Kind
from tests import peak_memory

MEASURE = """
import sys
from pathlib import Path
from acceptlab.analysis.readers.detect import READERS, format_of
from acceptlab.analysis.readers.conversion import import_events
from acceptlab.analysis.readers.byte_source import Opened
from tests import peak_memory
with Opened(Path(sys.argv[1])) as source:
    found = import_events(source, READERS[format_of(source)], Path(sys.argv[2]))
print(found.events.events, peak_memory.peak())
"""
SLACK = 100 << 20
"""Bytes: pages of the parquet writer, arrays on their way."""


def ftrace(path: Path, events: int) -> None:
    with path.open("w") as file:
        file.write(
            f"# tracer: nop\n# entries-in-buffer/entries-written: {events}/{events}   #P:1\n"
        )
        for number in range(events):
            gpa = number << 12
            file.write(
                f"  <...>-1  [000] d....  {number // 1000}.{number % 1000:06d}: accept_memory_begin: "
                f"start={gpa:#x} end={gpa + 4096:#x} reason=alloc\n"
            )


def text(path: Path, events: int) -> None:
    with path.open("w") as file:
        file.write("# acceptlab trace 1\n")
        for number in range(events):
            file.write(f"accept clock={number} vcpu=0 gpa={number << 12:#x} size=4096 result=0\n")
        file.write(f"end events={events} lost=0\n")


def emulator(path: Path, events: int) -> None:
    records = np.zeros(events + 1, RAW_DTYPE)
    records["seq"] = np.arange(events + 1)
    records["gpa"] = records["seq"] << np.uint64(12)
    records["size"], records["kind"], records["carry"] = 4096, Kind.ACCEPT, NO_CARRY
    records["kind"][-1], records["detail"][-1] = Kind.END, events
    records.tofile(path)


def peak(path: Path) -> tuple[int, int]:
    """(events, bytes of memory at most) of an import in a process of its own."""
    words = [sys.executable, "-c", MEASURE, str(path), str(path.with_suffix(".parquet"))]
    done = subprocess.run(
        words,
        env=peak_memory.child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    events, memory = done.stdout.split()
    return int(events), int(memory)


@pytest.mark.long
@pytest.mark.parametrize(
    ("write", "short", "long"),
    [(ftrace, 200_000, 800_000), (text, 200_000, 800_000), (emulator, 1_000_000, 6_000_000)],
)
def test_memory_does_not_grow_with_the_file(
    write: Callable[[Path, int], None], short: int, long: int, tmp_path: Path
) -> None:
    write(tmp_path / "short", short)
    write(tmp_path / "long", long)
    (events, before), (more, after) = peak(tmp_path / "short"), peak(tmp_path / "long")
    assert (events, more) == (short + 1, long + 1)
    assert after - before < SLACK
