# SPDX-License-Identifier: GPL-2.0-only
"""What an exploration of schedules found, as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from acceptlab.analysis.report.explore.explore_sheet import ExploreSheet, Hit, Tried


def as_text(sheet: ExploreSheet) -> str:
    """Return the headline, a line for each kind of schedule, and every hit with the line that reproduces it."""
    kinds = list(dict.fromkeys(_kind(one) for one in sheet.tried))
    lines = [_headline(sheet), ""]
    for kind in kinds:
        lines.append(_kind_line(kind, [one for one in sheet.tried if _kind(one) == kind]))
    for number, hit in enumerate(sheet.hits, 1):
        lines += ["", *_hit_lines(number, hit)]
    failed = [one for one in sheet.tried if one not in sheet.done]
    lines += [f"not run: {one.schedule}: {one.outcome}" for one in failed]
    return "\n".join(lines)


def _headline(sheet: ExploreSheet) -> str:
    done, hits = len(sheet.done), len(sheet.hits)
    found = "no finding" if not hits else f"{hits} hit{'s' if hits > 1 else ''}"
    rest = sheet.wanted - len(sheet.tried)
    left = (
        f"; stopped at the first hit, {rest} schedules not tried (--keep-going)"
        if hits and rest
        else ""
    )
    return f"{sheet.kernel}: {done} of {sheet.wanted} schedules run, {found}{left}"


def _kind(one: Tried) -> str:
    return one.schedule.partition(":")[0]


def _kind_line(kind: str, tried: Sequence[Tried]) -> str:
    words = Counter(_word(one) for one in tried)
    counted = ", ".join(f"{count} {word}" for word, count in sorted(words.items()))
    return (
        f"  {kind:<10} {counted}; accepts {_spread([one.accepts for one in tried])}{_stalls(tried)}"
    )


def _word(one: Tried) -> str:
    if one.state != "done":
        return "not run"
    return one.verdict if one.outcome == "userspace" else f"ended: {one.outcome}"


def _stalls(tried: Sequence[Tried]) -> str:
    stalls = [one.longest_stall for one in tried if one.longest_stall is not None]
    return f"; longest stall {_spread(stalls)} instructions" if stalls else ""


def _spread(numbers: Sequence[int | None]) -> str:
    known = [one for one in numbers if one is not None]
    if not known:
        return "not known"
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _hit_lines(number: int, hit: Hit) -> list[str]:
    what = "; ".join(hit.found.findings) or f"the guest ended: {hit.found.outcome}"
    turns = f" ({hit.turns:,} turns)" if hit.turns is not None else ""
    return [
        f"hit {number}: {hit.found.schedule}: {what}",
        f"  shortest window: {hit.reduced.schedule}{turns}",
        f"  {hit.reduced.reproduce}",
    ]
