# SPDX-License-Identifier: GPL-2.0-only
"""A compressed file may have several parts one behind the other (RFC 1952, 2.2; RFC 8878, 3.1; .xz format, 2): all of them are read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from acceptlab.analysis.readers.byte_source import PIECE, Opened
from acceptlab.analysis.readers.damage import Damaged
from tests.analysis.readers.test_damage import COMPRESSIONS

CHANCE = random.Random(1)
SMALL = [b"first\n", b"second\n", b"third\n"]
LARGE = [CHANCE.randbytes(size) for size in (3 * PIECE, 1, 5 * PIECE + 7, 2 * PIECE)]
"""Parts that compress to more than is given to a decompressor at a time, and one that shares its piece with two others."""


def content(path: Path, size: int) -> bytes:
    """All that is read, so many bytes at a time. Raises Damaged after what could be read."""
    parts = []
    with Opened(path) as source:
        while part := source.read(size):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("size", [1 << 20, 100])
@pytest.mark.parametrize("parts", [SMALL, LARGE, [*SMALL, b"", *LARGE, b"", *SMALL]])
@pytest.mark.parametrize("how", COMPRESSIONS)
def test_all_parts_are_read_in_order(
    how: str, parts: list[bytes], size: int, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"".join(COMPRESSIONS[how](part) for part in parts))
    assert content(path, size) == b"".join(parts)


@pytest.mark.parametrize("parts", [SMALL, LARGE])
@pytest.mark.parametrize("how", COMPRESSIONS)
def test_a_last_part_that_is_cut_short_is_told(
    how: str, parts: list[bytes], tmp_path: Path
) -> None:
    """Right behind its magic number, in the middle, and one byte before its end."""
    path = tmp_path / "file"
    *whole, last = (COMPRESSIONS[how](part) for part in parts)
    for left in (6, len(last) // 2, len(last) - 1):
        path.write_bytes(b"".join(whole) + last[:left])
        with pytest.raises(Damaged, match=f"the {how} data breaks off at byte"):
            content(path, 1 << 20)
