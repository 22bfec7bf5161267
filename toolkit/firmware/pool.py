# SPDX-License-Identifier: GPL-2.0-only
"""Pool memory where EDK II allocates it: at addresses inside a page, behind a header, several blocks to a page.

What differs from one machine to the next is how much firmware had allocated before; here the seed decides that.
Source: EDK II, MdeModulePkg/Core/Dxe/Mem/Pool.c (CoreAllocatePoolI); the EFI services of guests (efi-services.c) do the same.
"""

from __future__ import annotations

from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.placement import Placement
from acceptlab.toolkit.ranges import PAGE, round_up

HEAD = 24
"""Bytes of the header before what is allocated."""
_TAIL = 16
_ALIGNMENT = 8
_BLOCKS = (64, 128, 192, 320, 512, 832, 1344, 2176, 3520)
"""Sizes of blocks; what is larger gets whole pages."""

_MULTIPLIER, _INCREMENT = 6364136223846793005, 1442695040888963407
"""Of Knuth's linear congruential generator (MMIX): repeatable in Python and in C."""


class Pools:
    """Firmware's pools, one for each type of memory."""

    def __init__(self, place: Placement, seed: int) -> None:
        """Take pages from ``place``; ``seed`` decides what each pool has allocated before."""
        self._place = place
        self._state = seed
        self._free: dict[EfiType, list[tuple[int, int]]] = {}
        self._pages = 0

    def allocate(self, name: str, size: int, kind: EfiType) -> int:
        """Return the address of ``size`` bytes below 4 GiB.

        Raises BadInputError when no free range is large enough.
        """
        if kind not in self._free:
            self._free[kind] = []
            for _ in range(self._number(16)):
                self._block(kind, _BLOCKS[self._number(5)])
        size = round_up(size, _ALIGNMENT) + HEAD + _TAIL
        if size > _BLOCKS[-1]:
            return self._place.allocate(name, size, kind) + HEAD
        return self._block(kind, next(one for one in _BLOCKS if one >= size)) + HEAD

    def _number(self, below: int) -> int:
        self._state = (self._state * _MULTIPLIER + _INCREMENT) % (1 << 64)
        return (self._state >> 33) % below

    def _block(self, kind: EfiType, size: int) -> int:
        """Return the newest free block of this size; else the head of the smallest larger one, or of a page."""
        free = self._free[kind]
        fitting = [one for one in free if one[0] >= size]
        if not fitting:
            self._pages += 1
            name = f"pool-{self._pages}-{kind.name.lower().replace('_', '-')}"
            start = self._place.allocate(name, PAGE, kind)
            return self._carve(kind, start, PAGE, size)
        best = min(one[0] for one in fitting)
        whole, start = [one for one in fitting if one[0] == best][-1]
        free.remove((whole, start))
        return start if whole == size else self._carve(kind, start, whole, size)

    def _carve(self, kind: EfiType, start: int, whole: int, size: int) -> int:
        """Cut a block's rest into free blocks, large ones first; return its head."""
        at = size
        for part in reversed([one for one in _BLOCKS if one < whole]):
            while at + part <= whole:
                self._free[kind].append((part, start + at))
                at += part
        return start
