# SPDX-License-Identifier: GPL-2.0-only
"""What a guest died of, as far as console, kernel log and trace tell: lines beside a verdict, and no judgement."""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.pages.transitions import U8, Op
from acceptlab.analysis.run.last_words import LastWords
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind

_DIRECT_MAP = 0xFFFF888000000000
"""Where Linux maps all memory with 4-level page tables and no KASLR (Documentation/arch/x86/x86_64/mm.rst)."""
_SOON = 1024
"""Events behind a refusal that are looked at first: most are made up for by the next few."""


class LastRefusal:
    """The last accept that was refused, while its unit saw no later one that succeeded."""

    def __init__(self) -> None:
        self._last: dict[str, int] | None = None

    def watch(self, batch: Batch, ops: U8) -> None:
        """Look at the next events."""
        odd = batch.odd
        refused = odd[batch["kind"][odd] == Kind.ACCEPT]
        behind = 0
        if len(refused):
            names = ("seq", "gpa", "size", "result", "carry", "vcpu")
            self._last = {name: int(batch[name][refused[-1]]) for name in names}
            behind = int(refused[-1]) + 1
        if self._last is None:
            return
        unit = np.uint64(self._last["gpa"] // UNIT_SIZE)
        for part in (slice(behind, behind + _SOON), slice(behind + _SOON, None)):
            same = batch["gpa"][part] // np.uint64(UNIT_SIZE) == unit
            if (same & (ops[part] == Op.ACCEPT)).any():
                self._last = None
                return

    def words(self, platform: str) -> str:
        """Status, page and vCPU; empty where there is no such accept."""
        one = self._last
        if one is None:
            return ""
        facts = platform_of(platform)
        name = facts.statuses.get(facts.status_of(one["result"]), f"status {one['result']:#x}")
        if facts.has_carry and not one["result"]:
            name = "carry flag set: nothing changed"
        return f"the last refused accept is event {one['seq']}: {one['size'] >> 10}K at {one['gpa']:#x} by vCPU {one['vcpu']} ({name})"


def causes(info: RunInfo, words: LastWords, refusal: LastRefusal) -> list[str]:
    """Lines about the end of a guest that did not reach userspace, or went no further; none for another."""
    if info.outcome == "userspace":
        return []
    lines = []
    if words.line:
        where = f" at {words.rip}" if words.rip else ""
        lines.append(f"{words.line}{where}")
    if words.address and (area := area_of(info, int(words.address, 16))):
        lines.append(f"the address {words.address} is {area}")
    if told := refusal.words(info.platform):
        lines.append(told)
    return lines


def area_of(info: RunInfo, address: int) -> str:
    """What is at an address of the direct map, by the boot handoff; empty if not known."""
    if address < 4096:
        return "a null pointer's"
    if info.machine.kaslr or not info.handoff.ram:
        return ""
    gpa = address - _DIRECT_MAP
    if not any(start <= gpa < start + size for start, size in info.handoff.ram):
        return ""
    parts = [blob.name for blob in info.handoff.blobs if blob.start <= gpa < blob.start + blob.size]
    for name in ("accepted", "unaccepted"):
        ranges = getattr(info.handoff, name)
        if any(start <= gpa < start + size for start, size in ranges):
            parts.append(f"{name} at boot handoff")
    return f"page {gpa & ~0xFFF:#x} of the direct map" + (f" ({', '.join(parts)})" if parts else "")
