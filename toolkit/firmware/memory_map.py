# SPDX-License-Identifier: GPL-2.0-only
"""Guest memory as a user describes it: where RAM is, and what firmware has accepted before the kernel starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.efi_types import EfiType
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.ranges import GIB, KIB, MIB, PAGE, Range, intersect, subtract, total, union
from acceptlab.toolkit.sizes import parse_size

LOW_RAM_END = 3 * GIB
"""The machine's RAM below 4 GiB ends here at the latest (QEMU hw/i386/microvm.c, microvm_memory_init)."""

Q35_LOW_RAM_END = 2 * GIB
"""Where q35's RAM below 4 GiB ends, in a machine of Q35_SPLIT_FROM and more (QEMU hw/i386/pc_q35.c, pc_q35_init)."""
Q35_SPLIT_FROM = 0xB0000000

HIGH_RAM_START = 4 * GIB
"""RAM that does not fit below goes on here."""

LEGACY_HOLE = Range(0xA0000, 0x100000)
"""VGA and option ROMs: never RAM for a PC's operating system."""

LOW_RAM = Range(0, LEGACY_HOLE.start)
"""Needed by every x86 kernel: the real-mode trampoline and, in the decompressor, the switch of paging modes."""

SIZE_STEP = 8 * KIB
"""QEMU rounds a machine's memory size to a multiple of this (softmmu/vl.c, parse_memory_options)."""

_POLICY = re.compile(r"(below-4g|minimal|all)(?:\+(.+))?")


@dataclass(frozen=True)
class AcceptPolicy:
    """What firmware accepted before it started the kernel.

    ``below-4g``: all RAM below 4 GiB; ``minimal``: only what kernel, initrd and firmware's own tables need, and ``extra``
    bytes beyond that; ``all``: everything.
    """

    name: str
    extra: int = 0

    def __str__(self) -> str:
        """Return the words that ``parse_policy`` reads."""
        return f"{self.name}+{self.extra // MIB}" if self.extra else self.name


def parse_policy(text: str) -> AcceptPolicy:
    """Read ``below-4g``, ``minimal``, ``minimal+N`` (N in MiB, or a size with a suffix) or ``all``.

    Raises BadInputError for anything else.
    """
    match = _POLICY.fullmatch(text.strip())
    if match is None or (match[2] is not None and match[1] != "minimal"):
        raise BadInputError(
            f"accepted memory: '{text}' is unknown; write below-4g, minimal, minimal+N (N in MiB) or all"
        )
    if match[2] is None:
        return AcceptPolicy(match[1])
    number = match[2] + "M" if match[2].isdigit() else match[2]
    extra = parse_size(number, what="accepted memory")
    if extra % MIB:
        raise BadInputError(f"accepted memory: '{text}': give whole MiB after the plus sign")
    return AcceptPolicy(match[1], extra)


def parse_range(text: str, *, what: str) -> Range:
    """Read ``START-END`` or ``START+SIZE`` (numbers as ``parse_size`` reads them), both multiples of 4 KiB.

    Raises BadInputError, naming ``what``, when it is no such range.
    """
    parts = re.fullmatch(r"([^-+]+)([-+])([^-+]+)", text.strip())
    if parts is None:
        raise BadInputError(f"{what}: '{text}' is not a range; write START-END or START+SIZE")
    start, other = parse_size(parts[1], what=what), parse_size(parts[3], what=what)
    end = start + other if parts[2] == "+" else other
    if end <= start or (start | end) % PAGE:
        raise BadInputError(f"{what}: '{text}' is empty or not aligned to 4 KiB pages")
    return Range(start, end)


@dataclass(frozen=True)
class MemoryRequest:
    """A guest's memory as the user wants it."""

    size: int
    """Bytes of RAM that the machine has, holes included."""
    policy: AcceptPolicy
    holes: tuple[Range, ...] = ()
    """Parts of the machine's RAM that the guest is not to have: in no memory map, never accepted."""
    accepted: tuple[Range, ...] = ()
    """What firmware accepted beyond the policy, at page granularity: the way to make awkward shapes."""
    low_end: int = LOW_RAM_END
    """Where RAM below 4 GiB ends at the latest: LOW_RAM_END, or Q35_LOW_RAM_END in a machine that q35 splits."""

    @property
    def machine_size(self) -> int:
        """Return the bytes of RAM that the emulated machine needs: what q35 would have above 4 GiB already, it has below, unused."""
        return self.size + LOW_RAM_END - _low_end(self.size, self.low_end)


@dataclass(frozen=True)
class Allocation:
    """Memory that firmware or the boot loader has filled; accepted in any case."""

    name: str
    range: Range
    type: EfiType


@dataclass(frozen=True)
class MemoryPiece:
    """One line of the EFI memory map."""

    range: Range
    type: EfiType


@dataclass(frozen=True)
class MemoryMap:
    """Memory when firmware ends: every page of RAM is in exactly one piece."""

    ram: list[Range]
    pieces: list[MemoryPiece]
    allocations: list[Allocation] = field(default_factory=list)

    def of_type(self, wanted: EfiType) -> list[Range]:
        """Return the pieces of one type, in order of address, as the EFI memory map has them."""
        return [piece.range for piece in self.pieces if piece.type is wanted]

    @property
    def accepted(self) -> list[Range]:
        """Return what firmware has accepted."""
        return subtract(self.ram, self.of_type(EfiType.UNACCEPTED))


def _low_end(size: int, low_end: int) -> int:
    return LOW_RAM_END if low_end == Q35_LOW_RAM_END and size < Q35_SPLIT_FROM else low_end


def machine_ram(size: int, platform: str, low_end: int = LOW_RAM_END) -> list[Range]:
    """Return where a machine with ``size`` bytes of memory has RAM that a PC's system may use.

    ``low_end`` is MemoryRequest's.

    Raises BadInputError for a size of 0, one that is no multiple of SIZE_STEP, or one beyond the platform's address width.
    """
    if size <= 0:
        raise BadInputError("memory size is 0; give at least 128M")
    if size % SIZE_STEP:
        raise BadInputError(f"memory size {size} is not a multiple of 8 KiB")
    low_end = _low_end(size, low_end)
    ranges = [Range(0, min(size, low_end))]
    if size > low_end:
        ranges.append(Range(HIGH_RAM_START, HIGH_RAM_START + size - low_end))
    bits = PLATFORMS[platform].address_bits
    if ranges[-1].end > 1 << bits:
        raise BadInputError(
            f"memory size {size >> 30}G is beyond the {bits}-bit address width of platform {platform}; "
            f"give at most {((1 << bits) - HIGH_RAM_START + low_end) >> 30}G"
        )
    return subtract(ranges, [LEGACY_HOLE])


def usable_ram(request: MemoryRequest, platform: str) -> list[Range]:
    """Return the machine's RAM without the holes.

    Raises BadInputError for a bad size (see ``machine_ram``), and for holes or accepted ranges outside of RAM.
    """
    machine = machine_ram(request.size, platform, request.low_end)
    for hole in request.holes:
        _check_in_ram("hole", hole, machine)
    ram = subtract(machine, request.holes)
    for item in request.accepted:
        _check_in_ram("accepted range", item, ram)
    return ram


def _check_in_ram(what: str, item: Range, ram: Sequence[Range]) -> None:
    if item.size <= 0 or (item.start | item.end) % PAGE:
        raise BadInputError(f"{what} {item} is empty or not aligned to 4 KiB pages")
    if intersect([item], ram) != [item]:
        raise BadInputError(f"{what} {item} is not within RAM ({', '.join(map(str, ram))})")


def build_memory_map(
    request: MemoryRequest, ram: Sequence[Range], allocations: Sequence[Allocation]
) -> MemoryMap:
    """Divide RAM into the pieces of the EFI memory map: allocations, free accepted memory, unaccepted memory."""
    taken = [item.range for item in allocations]
    accepted = union([*_accepted_by_policy(request.policy, ram, taken), *request.accepted, *taken])
    pieces = [MemoryPiece(item.range, item.type) for item in allocations]
    pieces += [
        MemoryPiece(item, EfiType.CONVENTIONAL)
        for item in subtract(intersect(ram, accepted), taken)
    ]
    pieces += [MemoryPiece(item, EfiType.UNACCEPTED) for item in subtract(ram, accepted)]
    return MemoryMap(union(ram), _merge(pieces), list(allocations))


def _accepted_by_policy(
    policy: AcceptPolicy, ram: Sequence[Range], taken: Sequence[Range]
) -> list[Range]:
    if policy.name == "all":
        return list(ram)
    if policy.name == "below-4g":
        return intersect(ram, [Range(0, HIGH_RAM_START)])
    needed = intersect(ram, [LOW_RAM, *taken])
    return union([*needed, *_lowest(subtract(ram, needed), policy.extra)])


def _lowest(free: Sequence[Range], size: int) -> list[Range]:
    """Return the lowest ``size`` bytes of the free ranges, or all of them if there are fewer."""
    found: list[Range] = []
    for item in free:
        part = min(item.size, size - total(found))
        if part <= 0:
            break
        found.append(Range(item.start, item.start + part))
    return found


def _merge(pieces: Sequence[MemoryPiece]) -> list[MemoryPiece]:
    merged: list[MemoryPiece] = []
    for piece in sorted(pieces, key=lambda item: item.range):
        last = merged[-1] if merged else None
        if last and last.type is piece.type and last.range.end == piece.range.start:
            merged[-1] = MemoryPiece(Range(last.range.start, piece.range.end), piece.type)
        else:
            merged.append(piece)
    return merged
