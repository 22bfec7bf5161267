# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel must not print: bugs, warnings, oopses, stalls and lockups, but for what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

TROUBLE = re.compile(
    r"\bBUG: |\bBUG at |\bWARNING: |\bOops\b|general protection fault|double fault|Kernel panic|kernel BUG"
    r"|soft lockup|hard LOCKUP|\bhung_task\b|blocked for more than \d+ seconds|self-detected stall|detected stalls"
    r"|UBSAN: |KASAN: |KCSAN: |KFENCE: |unable to handle|unchecked MSR access|possible recursive locking"
    r"|circular locking dependency|suspicious RCU usage|sleeping function called|scheduling while atomic"
    r"|Unexpected EPT-violation|not ok \d+ "
)
_TIME = re.compile(r"^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s*")
_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\b\d+\b")


def scan(console: Path, allow: Sequence[re.Pattern[str]]) -> Iterator[tuple[str, str]]:
    """Return (line, key) of each line that means trouble, once; the key has no times, addresses and numbers."""
    if not console.is_file():
        return
    seen = set()
    with console.open(encoding="utf-8", errors="replace") as lines:
        for raw in lines:
            line = _TIME.sub("", raw.strip())
            if not TROUBLE.search(line) or any(pattern.search(line) for pattern in allow):
                continue
            key = _VARYING.sub("#", line)
            if key not in seen:
                seen.add(key)
                yield line, key
