# SPDX-License-Identifier: GPL-2.0-only
"""Sizes as users write them (``16G``, ``512M``, ``0x1000``)."""

from __future__ import annotations

import re

from acceptlab.toolkit.errors import BadInputError

_SUFFIX = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(0x[0-9a-f]+|[0-9]+)([KMGT]?)(?:i?B)?", re.IGNORECASE)


_MOST_ADDRESS = 1 << 52
"""x86-64 has no more physical address bits (AMD64 APM Vol 2, 5.1)."""


def parse_address(text: str) -> int:
    """Return the guest physical address that ``text`` stands for. Raises BadInputError when it is none."""
    try:
        address = int(text, 0)
    except ValueError:
        address = -1
    if not 0 <= address < _MOST_ADDRESS:
        raise BadInputError(f"{text!r} is not a guest address: write it like 0x100000000")
    return address


def parse_size(text: str, *, what: str = "size") -> int:
    """Return the bytes that ``text`` stands for; suffixes K, M, G, T are powers of 1024.

    Raises BadInputError, naming ``what``, when it is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BadInputError(f"{what}: '{text}' is not a size; write for example 512M or 16G")
    return int(match[1], 0 if match[1].lower().startswith("0x") else 10) * _SUFFIX[match[2].upper()]
