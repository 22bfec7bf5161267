# SPDX-License-Identifier: GPL-2.0-only
"""Ten minutes of spoilt files for every reader (ACCEPTLAB_FUZZ_SECONDS for another time): no crash, no hang, no growth."""

from __future__ import annotations

import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.readers import trace_dat
from analysis.readers.damage import Damaged
from tests.analysis.readers.samples import SAMPLES
from tests.analysis.readers.test_damage import COMPRESSIONS, try_to_read
from tests.toolkit.importing.trace_dat_file import trace_dat as sample_trace_dat

SECONDS = float(os.environ.get("ACCEPTLAB_FUZZ_SECONDS", "600"))
LONGEST = 20.0
"""Seconds that one small file may take, on a busy machine."""
GROWTH = 200 << 10
"""KiB that all of it may add to the most memory that this process ever had."""

WORDS = (
    b"0x",
    b"-1",
    b"18446744073709551615",
    b"0xffffffffffffffffffff",
    b"=",
    b"(",
    b"<-",
    b"\n",
    b"\0",
    b"[",
    b"]:",
    b"%s",
)


def spoil(data: bytearray, chance: random.Random) -> bytes:
    """Change a file at a few places."""
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.choice([0, 1, 8, 72, 300]))
        way = chance.randrange(6)
        if way == 0:
            data[at:to] = b""
        elif way == 1:
            data[at:to] = data[at:to] * chance.choice([2, 3, 50])
        elif way == 2:
            data[at:to] = chance.randbytes(to - at)
        elif way == 3:
            data[at:at] = chance.choice(WORDS)
        elif way == 4 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        else:
            other = chance.randrange(len(data) + 1)
            data[at:to] = data[other : other + 200]
    return bytes(data)


def fuzz(sample: bytes, feed: Callable[[bytes], None], seed: int) -> int:
    """Feed spoilt copies until the time is over; gives their number."""
    chance, before = random.Random(seed), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    end, count = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        data = spoil(bytearray(sample), chance)
        started = time.monotonic()
        feed(data)
        assert time.monotonic() - started < LONGEST, data
        count += 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH
    return count


@pytest.mark.long
@pytest.mark.parametrize("form", SAMPLES)
def test_ten_minutes_of_spoilt_files(form: str) -> None:
    assert fuzz(SAMPLES[form](), lambda data: try_to_read(form, data), seed=1) > 0


@pytest.mark.long
@pytest.mark.parametrize("how", COMPRESSIONS)
def test_ten_minutes_of_spoilt_compressed_files(how: str) -> None:
    packed = COMPRESSIONS[how](SAMPLES["ftrace"]())
    assert fuzz(packed, lambda data: try_to_read("ftrace", data), seed=2) > 0


@pytest.mark.long
def test_ten_minutes_of_spoilt_trace_dat() -> None:
    def feed(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.dat"
            path.write_bytes(trace_dat.MAGIC + data[len(trace_dat.MAGIC) :])
            try:
                trace_dat.check(path)
            except Damaged as error:
                assert "\n" not in str(error)

    assert fuzz(sample_trace_dat([(0x40000000, 0x40200000)] * 3), feed, seed=3) > 0
