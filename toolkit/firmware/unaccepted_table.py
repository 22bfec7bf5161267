# SPDX-License-Identifier: GPL-2.0-only
"""Linux's table of unaccepted memory, filled as its EFI stub fills it (semantics.md 3.2 and 3.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from acceptlab.toolkit.ranges import UNIT, Range, round_down, round_up, union

GUID = UUID("d5d1de3c-105c-44f9-9ea9-bcef98120031")
"""LINUX_EFI_UNACCEPTED_MEM_TABLE_GUID."""

_HEADER = struct.Struct("<IIQQ")  # version, unit size, phys_base, bytes of the bitmap
VERSION = 1


@dataclass(frozen=True)
class UnacceptedTable:
    """The table's contents. Bit n of the bitmap, lowest bit first, is the unit at ``phys_base + n * UNIT``."""

    phys_base: int
    bitmap: bytes

    def encode(self) -> bytes:
        """Return the table as it lies in memory."""
        return _HEADER.pack(VERSION, UNIT, self.phys_base, len(self.bitmap)) + self.bitmap


@dataclass(frozen=True)
class StubResult:
    """What the EFI stub does with the unaccepted pieces of the memory map."""

    table: UnacceptedTable | None
    """None when there is no unaccepted piece: the stub makes no table then."""
    accepted_at_once: list[Range]
    """What the stub accepts itself, because the bitmap cannot say it."""


def process_unaccepted(pieces: Iterable[Range]) -> StubResult:
    """Fill the bitmap from the memory map's unaccepted pieces, each taken by itself, as the stub does."""
    ordered = sorted(pieces)
    if not ordered:
        return StubResult(None, [])
    phys_base = round_down(ordered[0].start, UNIT)
    units = (round_up(max(piece.end for piece in ordered), UNIT) - phys_base) // UNIT
    bits = 0
    at_once: list[Range] = []
    for piece in ordered:
        if piece.size < 2 * UNIT:
            at_once.append(piece)
            continue
        body = Range(round_up(piece.start, UNIT), round_down(piece.end, UNIT))
        at_once += [Range(piece.start, body.start), Range(body.end, piece.end)]
        bits |= ((1 << body.size // UNIT) - 1) << ((body.start - phys_base) // UNIT)
    table = UnacceptedTable(phys_base, bits.to_bytes(-(-units // 8), "little"))
    return StubResult(table, union(at_once))
