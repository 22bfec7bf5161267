# SPDX-License-Identifier: GPL-2.0-only
"""The names of a kernel function's parameters, as BTF has them (Linux, Documentation/bpf/btf.rst, include/uapi/linux/btf.h).

Needs Python alone: it is read in small guests, too.
"""

from __future__ import annotations

import struct

_MAGIC = 0xEB9F
_HEADER = struct.Struct("<HBBIIIII")
_TYPE = struct.Struct("<III")
"""Of every type: name, info, and size or type; what follows depends on the kind."""
_FUNC, _FUNC_PROTO = 12, 13
_BEHIND = {1: 4, 3: 12, 14: 4, 17: 4}
"""Bytes behind a type by kind: int, array, variable, declaration tag."""
_EACH = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
"""Bytes for each member by kind: struct, union, enum, prototype, data section, enum of 64 bits."""
_LAST_KIND = 19


def parameters(btf: bytes, function: str) -> tuple[str, ...]:
    """Return the names of a function's parameters; none if ``btf`` lacks them or is damaged."""
    try:
        return _parameters(btf, function)
    except (struct.error, ValueError, IndexError):
        return ()


def _parameters(btf: bytes, function: str) -> tuple[str, ...]:
    magic, _, _, head, types, types_size, strings, strings_size = _HEADER.unpack_from(btf)
    if magic != _MAGIC:
        raise ValueError
    names = btf[head + strings : head + strings + strings_size]
    wanted = names.index(b"\0" + function.encode() + b"\0") + 1
    places, prototypes = [0], []
    at, end = head + types, head + types + types_size
    while at < end:
        name, info, third = _TYPE.unpack_from(btf, at)
        kind, members = info >> 24 & 31, info & 0xFFFF
        if not 0 < kind <= _LAST_KIND:
            raise ValueError
        if kind == _FUNC and name == wanted:
            prototypes.append(third)
        places.append(at)
        at += _TYPE.size + _BEHIND.get(kind, 0) + members * _EACH.get(kind, 0)
    return _names(btf, places[prototypes[0]], names)


def _names(btf: bytes, place: int, names: bytes) -> tuple[str, ...]:
    _, info, _ = _TYPE.unpack_from(btf, place)
    if info >> 24 & 31 != _FUNC_PROTO:
        raise ValueError
    begins = [
        struct.unpack_from("<II", btf, place + _TYPE.size + 8 * number)[0]
        for number in range(info & 0xFFFF)
    ]
    return tuple(names[one : names.index(b"\0", one)].decode() for one in begins)
