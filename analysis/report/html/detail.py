# SPDX-License-Identifier: GPL-2.0-only
"""How much a page says of each run."""

from __future__ import annotations

from enum import IntEnum


class Detail(IntEnum):
    """A page with scripts says all; a static one as much as fits."""

    VERDICT = 0
    TABLES = 1
    MAP = 2
    ALL = 3
