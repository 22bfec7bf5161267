# SPDX-License-Identifier: GPL-2.0-only
"""What a comparison of kernels says, in words: what each kernel changes against the one before it, and what it leaves as it was."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.report.fairness import Build, unlike
from acceptlab.analysis.report.kernels.modelled_facts import column_of, is_modelled
from acceptlab.analysis.report.kernels.summary import Block, Row

_NOUNS = {
    "before_userspace": "memory accepted before userspace",
    "accepted": "accepted memory",
    "at_handoff": "memory accepted at boot handoff",
    "before_watermarks": "memory accepted before the watermarks",
    "to_userspace": "instructions to userspace",
    "decompressor": "instructions in the decompressor",
}
"""What a fact counts, where its heading is none of what is counted."""


def headline(blocks: Sequence[Block], builds: Sequence[Build]) -> list[str]:
    """A sentence for each kernel after the first, of counts alone; of one that is no fair pair with the one before it, that it is none."""
    blocks = [block for block in blocks if not is_modelled(block.fact)]
    if not blocks:
        return []
    found = []
    for at in range(1, len(blocks[0].rows)):
        pair = builds[at - 1 : at + 1]
        unfair = unlike(pair) if len(pair) == 2 else []
        found += unfair or _sentence(blocks, at)
    return found


def differs(before: Row, after: Row) -> bool:
    """Whether two kernels differ in a fact by more than seeds do: their values do not overlap."""
    if None in (before.median, after.median) or before.median == after.median:
        return False
    assert before.low is not None and before.high is not None
    assert after.low is not None and after.high is not None
    return after.low > before.high or after.high < before.low


def _sentence(blocks: Sequence[Block], at: int) -> list[str]:
    rows = [(block, block.rows[at - 1], block.rows[at]) for block in blocks]
    known = [
        (block, before, after) for block, before, after in rows if before.samples and after.samples
    ]
    name = blocks[0].rows[at].kernel
    if not known:
        return [f"{name} cannot be compared: there are no runs of it, or of the kernel before it."]
    changed = [(block, before, after) for block, before, after in known if differs(before, after)]
    if not changed:
        return [f"{name} changes nothing that was counted{_spread(known)}."]
    said: dict[str, list[str]] = {}
    for block, before, after in changed:
        said.setdefault(_change(block.fact, before, after), []).append(block.platform.upper())
    several = len({block.platform for block in blocks}) > 1
    parts = [f"{what} ({', '.join(where)})" if several else what for what, where in said.items()]
    rest = "" if len(changed) == len(known) else f"; nothing else changes{_spread(known, changed)}"
    return [f"{name} {', '.join(parts)}{rest}."]


def _spread(
    known: Sequence[tuple[Block, Row, Row]], changed: Sequence[tuple[Block, Row, Row]] = ()
) -> str:
    """Said where medians differ, but no more than seeds make them differ."""
    rest = [one for one in known if one not in changed]
    return " by more than seeds do" if any(a.median != b.median for _, a, b in rest) else ""


def _change(fact: str, before: Row, after: Row) -> str:
    noun = _NOUNS.get(fact, column_of(fact).heading)
    assert before.median is not None and after.median is not None
    if after.median == 0:
        return f"removes all {noun}"
    if before.median == 0:
        return f"adds {noun}, of which there was none"
    share = 100 * (after.median - before.median) / before.median
    verb, of = ("removes", "of the ") if share < 0 else ("adds", "to the ")
    return f"{verb} {_percent(abs(share))} % {of}{noun}"


def _percent(share: float) -> str:
    return f"{share:.0f}" if share >= 10 else f"{share:.1f}" if share >= 0.1 else f"{share:.1g}"
