# SPDX-License-Identifier: GPL-2.0-only
"""CPUID leaves of this machine, from the cpuid driver (/dev/cpu/0/cpuid) below any root folder."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

SEV_LEAF = 0x8000001F
"""AMD64 APM volume 3, appendix E.4.17: encrypted memory capabilities."""
TDX_LEAF = 0x21
"""Intel TDX module specification: leaf 0x21 of a TD is "IntelTDX    " in EBX, EDX, ECX."""
_TDX_SIGNATURE = b"IntelTDX    "
_SNP_BIT = 4
_REGISTERS = struct.Struct("<4I")


@dataclass(frozen=True)
class Leaf:
    """The four registers of one leaf."""

    eax: int
    ebx: int
    ecx: int
    edx: int


def read_leaf(root: Path, number: int) -> Leaf | None:
    """A leaf of the first processor; None without the cpuid driver, or without the right to read it."""
    try:
        with (root / "dev/cpu/0/cpuid").open("rb", buffering=0) as device:
            device.seek(number)
            data = device.read(_REGISTERS.size)
    except OSError:
        return None
    return Leaf(*_REGISTERS.unpack(data)) if len(data) == _REGISTERS.size else None


def has_snp(leaf: Leaf | None) -> bool:
    """Return whether the SEV leaf names SEV-SNP."""
    return leaf is not None and bool(leaf.eax >> _SNP_BIT & 1)


def is_td(leaf: Leaf | None) -> bool:
    """Return whether the TDX leaf has the signature that only a TD sees."""
    return leaf is not None and struct.pack("<3I", leaf.ebx, leaf.edx, leaf.ecx) == _TDX_SIGNATURE


NAMED_IN: Mapping[int, Callable[[Leaf | None], bool]] = {SEV_LEAF: has_snp, TDX_LEAF: is_td}
"""By leaf: whether it says that the machine has the platform."""


def c_bit(leaf: Leaf | None) -> int | None:
    """Position of the C-bit in page tables (EBX bits 5..0); None where there is no SEV-SNP."""
    return leaf.ebx & 0x3F if leaf is not None and has_snp(leaf) else None


def reduced_bits(leaf: Leaf | None) -> int | None:
    """Physical address bits that encryption takes away (EBX bits 11..6); None where there is no SEV-SNP."""
    return leaf.ebx >> 6 & 0x3F if leaf is not None and has_snp(leaf) else None
