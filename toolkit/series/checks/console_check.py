# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel must not print (analysis/run/trouble.py), but for what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from acceptlab.analysis.run import trouble

_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\b\d+\b")


def scan(console: Path, allow: Sequence[re.Pattern[str]]) -> Iterator[tuple[str, str]]:
    """Return (line, key) of each line that means trouble, once; the key has no times, addresses and numbers."""
    if not console.is_file():
        return
    seen = set()
    with console.open(encoding="utf-8", errors="replace") as lines:
        for message in trouble.scan(lines):
            line = trouble.quoted(message)
            if any(pattern.search(line) for pattern in allow):
                continue
            key = _VARYING.sub("#", line)
            if key not in seen:
                seen.add(key)
                yield line, key
