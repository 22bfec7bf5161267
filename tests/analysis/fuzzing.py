# SPDX-License-Identifier: GPL-2.0-only
"""Spoilt files for whoever reads files: no crash, no hang, no growth."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

from tests import peak_memory

SECONDS = float(os.environ.get("ACCEPTLAB_FUZZ_SECONDS", "600"))
"""How long each test fuzzes; `make fuzz` sets less."""
LONGEST = 20.0
"""Seconds of processor time that one small file may take."""
GROWTH = 200 << 20
"""Bytes that all of it may take beyond what this process has at the beginning."""

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
    chance = random.Random(seed)
    end, count = time.monotonic() + SECONDS, 0
    with peak_memory.growth() as grown:
        while time.monotonic() < end:
            data = spoil(bytearray(sample), chance)
            started = time.process_time()
            feed(data)
            assert time.process_time() - started < LONGEST, data
            count += 1
    assert grown.bytes < GROWTH
    return count
