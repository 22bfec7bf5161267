# SPDX-License-Identifier: GPL-2.0-only
"""Names for kernel addresses."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

from analysis.run_folder import Run


class Symbols:
    """A table of (address, name), link-time addresses."""

    def __init__(self, table: list[tuple[int, str]]) -> None:
        self._table = sorted(table)
        self._addresses = [address for address, _ in self._table]

    def name_of(self, address: int, kaslr_offset: int = 0) -> str | None:
        place = bisect_right(self._addresses, address - kaslr_offset) - 1
        return self._table[place][1] if place >= 0 else None


NO_SYMBOLS = Symbols([])


def symbols_of_run(run: Run, cache: Path | None) -> Symbols:
    return NO_SYMBOLS
