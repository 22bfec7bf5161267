# SPDX-License-Identifier: GPL-2.0-only
"""Ranges of pages, unit by unit."""

from __future__ import annotations

from collections.abc import Iterator

PER_UNIT = 512
"""4 KiB pages of a 2 MiB unit."""


def units(page: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield [page, page + count) as first page and number of pages, cut at unit borders."""
    end = page + count
    while page < end:
        part = min(end, (page // PER_UNIT + 1) * PER_UNIT) - page
        yield page, part
        page += part
