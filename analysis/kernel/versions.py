# SPDX-License-Identifier: GPL-2.0-only
"""Facts that hold in some versions of Linux: rows of first version, last version, fact and source.

Needs Python alone: it is used in small guests, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeVar

from acceptlab.analysis.records import record

Version = tuple[int, int]
"""The first two numbers of a release."""
ANY: Version = (0, 0)
"""As first version: no kernel is too old. Distributions bring what is new to kernels of any age."""
_RELEASE = re.compile(r"(\d{1,4})\.(\d{1,4})")

T = TypeVar("T")


@record(frozen=True)
class Row(Generic[T]):
    """One fact, in force from ``first`` to ``last`` (None: to this day). ``source`` is a kernel commit, or a file and a version."""

    first: Version
    last: Version | None
    fact: T
    source: str

    def holds(self, version: Version | None) -> bool:
        """Whether the fact is in force in a version; where that is not known, it may be."""
        if version is None:
            return True
        return self.first <= version and (self.last is None or version <= self.last)


def version_of(release: str) -> Version | None:
    """The version of a release such as 6.12.1-amd64; None where the text begins with none."""
    found = _RELEASE.match(release)
    return (int(found[1]), int(found[2])) if found else None


def in_force(rows: Iterable[Row[T]], version: Version | None = None) -> tuple[T, ...]:
    """The facts of a version, in the order of the rows; without a version those of every one."""
    return tuple(dict.fromkeys(row.fact for row in rows if row.holds(version)))


def first_version(rows: Iterable[Row[T]]) -> Version:
    """The version from which on one of the facts is in force. Raises ValueError without rows."""
    return min(row.first for row in rows)
