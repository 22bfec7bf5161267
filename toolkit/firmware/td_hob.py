# SPDX-License-Identifier: GPL-2.0-only
"""The TD HOB: the list of memory that a host gives to a TD's firmware (TDVF design guide 4.2; UEFI PI specification 1.8, III.5)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from acceptlab.toolkit.ranges import Range, subtract

_HEADER = struct.Struct("<HHI")
_PHIT = struct.Struct("<IIQQQQQ")
_RESOURCE = struct.Struct("<16sIIQQ")
_HANDOFF, _RESOURCE_DESCRIPTOR, _END = 0x0001, 0x0003, 0xFFFF
_VERSION = 9
_SYSTEM_MEMORY, _UNACCEPTED_MEMORY = 0, 7
_ATTRIBUTES = 0x7
"""Present, initialized, tested."""


def encode_td_hob(address: int, ram: Sequence[Range], added: Sequence[Range]) -> bytes:
    """Return the list as it lies at ``address``: RAM that the host has added, and the rest of RAM as unaccepted."""
    pieces = [(one, _SYSTEM_MEMORY) for one in added]
    pieces += [(one, _UNACCEPTED_MEMORY) for one in subtract(ram, added)]
    resources = b"".join(_resource(one, kind) for one, kind in sorted(pieces))
    size = _HEADER.size + _PHIT.size + len(resources) + _HEADER.size
    phit = _hob(_HANDOFF, _PHIT.pack(_VERSION, 0, 0, 0, 0, 0, address + size))
    return phit + resources + _hob(_END, b"")


def _resource(item: Range, kind: int) -> bytes:
    body = _RESOURCE.pack(bytes(16), kind, _ATTRIBUTES, item.start, item.size)
    return _hob(_RESOURCE_DESCRIPTOR, body)


def _hob(kind: int, body: bytes) -> bytes:
    return _HEADER.pack(kind, _HEADER.size + len(body), 0) + body
