# SPDX-License-Identifier: GPL-2.0-only
"""A small BTF (Linux, Documentation/bpf/btf.rst), with a type of every kind before the function that is looked for."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_BEHIND = {1: 4, 3: 12, 14: 4, 17: 4}
_EACH = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}


def btf(function: str, names: Sequence[str]) -> bytes:
    """Return a BTF that has ``function`` with parameters of these names."""
    strings, places = b"\0", {}
    for name in (function, *names):
        places[name] = len(strings)
        strings += name.encode() + b"\0"
    kinds = [kind for kind in range(1, 20) if kind not in (12, 13)]
    types = b""
    for kind in kinds:
        members = 2 if kind in _EACH else 0
        types += struct.pack("<III", 0, kind << 24 | members, 4)
        types += bytes(_BEHIND.get(kind, 0) + members * _EACH.get(kind, 0))
    types += struct.pack("<III", 0, 13 << 24 | len(names), 0)
    types += b"".join(struct.pack("<II", places[name], 1) for name in names)
    types += struct.pack("<III", places[function], 12 << 24, len(kinds) + 1)
    head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return head + types + strings


def elf(section: bytes) -> bytes:
    """Return a kernel as an ELF file that has this section .BTF, and besides it only the names of sections."""
    names = b"\0.BTF\0.shstrtab\0"
    size = 64
    head = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0, 0, size + len(section) + len(names), 0, size, 0, 0, size, 3, 2
    )  # fmt: skip
    sections = bytes(size)
    at = size
    for name, kind, data in ((1, 1, section), (6, 3, names)):
        sections += struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, at, len(data), 0, 0, 1, 0)
        at += len(data)
    return head + section + names + sections
