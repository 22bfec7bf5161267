# SPDX-License-Identifier: GPL-2.0-only
"""Debian's order of versions (deb-version(7)), without a process for each comparison."""

from __future__ import annotations

import re
from collections.abc import Iterable

_Part = tuple[tuple[int, ...], int]
Key = tuple[int, tuple[_Part, ...], tuple[_Part, ...]]


def newest_first(versions: Iterable[str]) -> list[str]:
    """Sort versions, newest first."""
    return sorted(versions, key=key, reverse=True)


def key(version: str) -> Key:
    """Return what sorts as the version does: epoch, upstream version, revision."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    return int(epoch) if epoch.isdigit() else 0, _parts(upstream), _parts(revision)


def _parts(text: str) -> tuple[_Part, ...]:
    """Return the first pair of what is no digit and a number, the others up to the last that is not empty, and an empty one."""
    pairs = [
        (_weights(other), int(digits or 0)) for other, digits in re.findall(r"(\D*)(\d*)", text)
    ]
    while len(pairs) > 1 and pairs[-1] == (_weights(""), 0):
        pairs.pop()
    return (*pairs, (_weights(""), 0))


def _weights(text: str) -> tuple[int, ...]:
    """Return weights of characters: a tilde before the end, the end before letters, letters before all others."""
    return (*(_weight(character) for character in text), 0)


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
