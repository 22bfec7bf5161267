# SPDX-License-Identifier: GPL-2.0-only
"""Where in a guest's RAM kernel, initrd and firmware's tables lie."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.bzimage import BzImage
from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.firmware.memory_map import HIGH_RAM_START, LOW_RAM, Allocation
from acceptlab.toolkit.firmware.page_table import MAPPED_END
from acceptlab.toolkit.ranges import (
    MIB,
    PAGE,
    Range,
    intersect,
    round_down,
    round_up,
    sized,
    subtract,
)

_ABOVE_1M = Range(MIB, HIGH_RAM_START)


class Placement:
    """Hands out RAM below 4 GiB from the top down, as firmware does, around what already has its place."""

    def __init__(self, ram: Sequence[Range]) -> None:
        """Start with all of ``ram`` free but what lies below 1 MiB."""
        self.ram = list(ram)
        self.allocations: list[Allocation] = []

    def put(self, name: str, where: Range, kind: EfiType) -> None:
        """Record something with a given place."""
        self.allocations.append(Allocation(name, where, kind))

    def allocate(self, name: str, size: int, kind: EfiType, *, below: int = HIGH_RAM_START) -> int:
        """Return the address of ``size`` bytes, rounded up to pages, as high as possible under ``below``.

        Raises BadInputError when no free range is large enough.
        """
        size = round_up(size, PAGE)
        taken = [item.range for item in self.allocations]
        free = intersect(subtract(self.ram, [LOW_RAM, *taken]), [Range(_ABOVE_1M.start, below)])
        for item in reversed(free):
            start = round_down(item.end - size, PAGE)
            if start >= item.start:
                self.put(name, sized(start, size), kind)
                return start
        raise BadInputError(
            f"no room for {name} ({size >> 10} KiB) in RAM below 4 GiB; give the guest more memory"
        )


def place_kernel(kernel: BzImage, address: int | None, ram: Sequence[Range]) -> Range:
    """Return what a kernel occupies until it knows of memory, when loaded at ``address`` or where it prefers to be.

    Raises BadInputError when it cannot be loaded there.
    """
    where = sized(
        kernel.pref_address if address is None else address, round_up(kernel.init_size, PAGE)
    )
    if where.start % kernel.alignment or where.start < kernel.pref_address:
        raise BadInputError(
            f"load address {where.start:#x}: must be a multiple of {kernel.alignment:#x}, "
            f"at least {kernel.pref_address:#x}"
        )
    if where.start != kernel.pref_address and not kernel.relocatable:
        raise BadInputError(f"this kernel is not relocatable; load it at {kernel.pref_address:#x}")
    limit = MAPPED_END if kernel.above_4g else HIGH_RAM_START
    if where.end > limit:
        raise BadInputError(f"load address {where.start:#x}: the kernel must end below {limit:#x}")
    if intersect([where], ram) != [where]:
        raise BadInputError(
            f"the kernel needs RAM at {where}; give more memory or another load address"
        )
    return where
