# SPDX-License-Identifier: GPL-2.0-only
"""Writes and reads GHCB pages as a guest does (offsets: Linux asm/svm.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests.model.snp_guest import Snp
from tests.model.structs import PAGE

FIELDS = {
    "cpl": 0x0CB,
    "rax": 0x1F8,
    "rcx": 0x308,
    "rdx": 0x310,
    "rbx": 0x318,
    "code": 0x390,
    "info1": 0x398,
    "info2": 0x3A0,
    "scratch": 0x3A8,
    "xcr0": 0x3E8,
}
BITMAP, BUFFER, VERSION, USAGE = 0x3F0, 0x800, 0xFFA, 0xFFC
PSC_EVENT = 0x80000010


class GhcbPage:
    """The page at gpa in the guest's memory."""

    def __init__(self, vm: Snp, gpa: int) -> None:
        self.gpa = gpa
        self.raw = vm.recorder.memory(gpa, PAGE)
        self.pointer = vm.recorder.address(gpa)

    def request(self, code: int, version: int = 2, usage: int = 0, **fields: int) -> None:
        """A fresh request: `code`, both infos (0 if not given) and the fields given are valid."""
        self.raw[:] = bytes(PAGE)
        for name, value in ({"code": code, "info1": 0, "info2": 0} | fields).items():
            self.set(name, value)
        struct.pack_into("<H", self.raw, VERSION, version)
        struct.pack_into("<I", self.raw, USAGE, usage)

    def set(self, name: str, value: int) -> None:
        offset = FIELDS[name]
        if name == "cpl":
            struct.pack_into("<B", self.raw, offset, value)
        else:
            struct.pack_into("<Q", self.raw, offset, value)
        self.raw[BITMAP + offset // 64] |= 1 << offset // 8 % 8

    def forget(self, name: str) -> None:
        """Clears the field's valid bit."""
        offset = FIELDS[name]
        self.raw[BITMAP + offset // 64] &= ~(1 << offset // 8 % 8)

    def _bitmap(self, offset: int) -> int:
        return self.raw[BITMAP + offset // 64]

    def get(self, name: str) -> int:
        return int(struct.unpack_from("<Q", self.raw, FIELDS[name])[0])

    def is_valid(self, name: str) -> bool:
        offset = FIELDS[name]
        return bool(self._bitmap(offset) >> offset // 8 % 8 & 1)

    def infos(self) -> tuple[int, int]:
        return self.get("info1"), self.get("info2")

    def psc(
        self, entries: Iterable[int], cur: int = 0, end: int | None = None, offset: int = BUFFER
    ) -> None:
        """A page state change request with its descriptor in the shared buffer."""
        entries = list(entries)
        self.request(PSC_EVENT, scratch=self.gpa + offset)
        last = len(entries) - 1 if end is None else end
        struct.pack_into("<HHI", self.raw, offset, cur, last, 0)
        for index, entry in enumerate(entries):
            struct.pack_into("<Q", self.raw, offset + 8 + 8 * index, entry)

    def psc_progress(self, count: int, offset: int = BUFFER) -> tuple[int, list[int]]:
        """cur_entry, and cur_page of each entry."""
        (cur,) = struct.unpack_from("<H", self.raw, offset)
        entries = struct.unpack_from(f"<{count}Q", self.raw, offset + 8)
        return cur, [entry & 0xFFF for entry in entries]

    def psc_entries(self, count: int, offset: int = BUFFER) -> list[int]:
        return list(struct.unpack_from(f"<{count}Q", self.raw, offset + 8))


def psc_entry(gpa: int, op: int, size_2m: int = 0, cur_page: int = 0) -> int:
    return gpa | op << 52 | size_2m << 56 | cur_page
