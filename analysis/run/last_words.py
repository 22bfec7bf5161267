# SPDX-License-Identifier: GPL-2.0-only
"""The last words of a kernel: its first deadly line, and where it was then."""

from __future__ import annotations

import re

from acceptlab.analysis.run.trouble import (
    BUG,
    EXCEPTION,
    LOCKUP,
    OOPS,
    PANIC,
    kind_of,
    message,
    quoted,
)

_DEADLY = (OOPS, BUG, EXCEPTION, PANIC, LOCKUP)
_RIP = re.compile(r"\bRIP: [0-9a-f]{4}:(\S+)")
_ADDRESS = re.compile(r"\b(?:for address|, address|CR2): (?:0x)?([0-9a-f]{16})\b")


class LastWords:
    """The first deadly line of a kernel, where it was (RIP), and the address that it could not use."""

    def __init__(self) -> None:
        self.line = self.rip = self.address = ""

    def read(self, raw: str) -> None:
        """Look at the next line of the console or of the kernel's log."""
        line = message(raw)
        if not self.line and kind_of(line) in _DEADLY and "sysrq triggered crash" not in line:
            self.line = quoted(line)
        if not self.line:
            return
        if not self.rip and (rip := _RIP.search(line)):
            self.rip = rip[1]
        if not self.address and (address := _ADDRESS.search(line)):
            self.address = address[1]
