# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of a kernel call which, and which have an instruction that accepts memory: read from the machine code of a vmlinux.

Only direct calls and jumps are seen, which is how Linux calls what accepts memory. A jump counts as a call, as the compiler makes
one of a call at a function's end. A short jump (8 bits) is not seen, nor is a jump to the next function, with which the assembler
begins long padding. There is no disassembler: a displacement that leads to the very start of a function is a call. Bytes that look
so by chance lead to one very seldom: 60,000 functions among 4 Gi addresses.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from acceptlab.analysis.bad_input import BadInput

PVALIDATE = bytes.fromhex("f2 0f 01 ff")
"""AMD64 Architecture Programmer's Manual Vol 3, PVALIDATE."""
TDCALL = bytes.fromhex("66 0f 01 cc")
"""Intel SDM Vol 2, TDCALL."""
_CALL, _JUMP, _JCC, _LONG = 0xE8, 0xE9, 0x80, 0x0F
"""Opcodes with a displacement of 32 bits (SDM Vol 2): CALL, JMP, and the second byte of Jcc (0F 80 to 0F 8F)."""
_SIZE = 5
"""Bytes from such an opcode to the next instruction."""
_MOV_RDI = bytes.fromhex("48 c7 c7")
"""MOV RDI, imm32 with its sign extended (SDM Vol 2): how the address of a variable becomes the first argument."""
_BEFORE_CALL = 24
"""Bytes before a call in which its first argument is looked for: a few instructions."""

Table = Sequence[tuple[int, str]]
"""(link-time address, name) of every symbol, sorted."""


class CallSites:
    """The calls of a kernel. Functions go by the names of its symbols; of an address with several names, the last counts."""

    def __init__(self, vmlinux: bytes, table: Table) -> None:
        """Read the code of an ELF file; raises BadInput when it is none."""
        self._starts = np.array([address for address, _ in table], dtype=np.uint64)
        self._names = [name for _, name in table]
        self._code = list(_code_of(vmlinux))
        found = [_calls(start, code, self._starts) for start, code in self._code]
        self._places, self._targets = (np.concatenate(one) for one in zip(*found, strict=True))

    def at(self, address: int) -> str:
        """Return the function that an address lies in, "" for one before all of them."""
        index = int(np.searchsorted(self._starts, np.uint64(address), side="right")) - 1
        return self._names[index] if index >= 0 else ""

    def callers(self, name: str) -> dict[str, list[int]]:
        """Return the functions that call one, with the addresses of the calls; the function itself is left out."""
        starts = [at for at, one in zip(self._starts, self._names, strict=True) if one == name]
        found: dict[str, list[int]] = defaultdict(list)
        for place in self._places[np.isin(self._targets, starts)]:
            caller = self.at(int(place))
            if caller != name:
                found[caller].append(int(place))
        return dict(found)

    def having(self, instruction: bytes) -> set[str]:
        """Return the functions in whose code these bytes occur."""
        found = set()
        for start, code in self._code:
            text = code.tobytes()
            at = text.find(instruction)
            while at >= 0:
                found.add(self.at(start + at))
                at = text.find(instruction, at + 1)
        return found

    def first_argument(self, place: int) -> int | None:
        """Return the constant, the address of a variable, that becomes the first argument shortly before the call at a place."""
        for start, code in self._code:
            if start <= place < start + len(code):
                end = place - start
                window = code[max(0, end - _BEFORE_CALL) : end].tobytes()
                value = window[window.rfind(_MOV_RDI) + len(_MOV_RDI) :][:4]
                if _MOV_RDI in window and len(value) == 4:
                    return int.from_bytes(value, "little", signed=True) % (1 << 64)
        return None


def _calls(
    start: int, code: npt.NDArray[np.uint8], functions: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return where code calls or jumps to the very start of a function, and to which."""
    whole = code[: max(0, len(code) - _SIZE + 1)]
    behind_0f = np.zeros(len(whole), dtype=np.bool_)
    behind_0f[1:] = whole[:-1] == _LONG
    conditional = behind_0f & (whole & 0xF0 == _JCC)
    at = np.flatnonzero((whole == _CALL) | (whole == _JUMP) | conditional)
    distance = np.zeros(len(at), dtype=np.int64)
    for byte in range(4):
        distance |= code[at + 1 + byte].astype(np.int64) << (8 * byte)
    distance = distance.astype(np.int32).astype(np.int64)
    places = at.astype(np.uint64) + np.uint64(start)
    targets = places + np.uint64(_SIZE) + distance.astype(np.uint64)
    next_one = functions[
        np.minimum(np.searchsorted(functions, places, side="right"), len(functions) - 1)
    ]
    hit = np.isin(targets, functions) & ((code[at] == _CALL) | (targets != next_one))
    return places[hit], targets[hit]


def _code_of(vmlinux: bytes) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yield address and bytes of every section with code."""
    try:
        for section in ELFFile(io.BytesIO(vmlinux)).iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR and section["sh_type"] != "SHT_NOBITS":
                yield section["sh_addr"], np.frombuffer(section.data(), dtype=np.uint8)
    except (ELFError, ValueError, KeyError) as error:
        raise BadInput(f"damaged ELF file ({error})") from error
