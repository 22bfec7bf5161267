# SPDX-License-Identifier: GPL-2.0-only
"""I10: the kernel's counter of unaccepted memory equals what really is unaccepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acceptlab.analysis.invariants.invariant import Context, Invariant, Suspicion
from acceptlab.analysis.invariants.listed_blocks import ListedBlocks
from acceptlab.analysis.invariants.verdict import InvariantResult, Status
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.unaccepted import BLOCK_SIZE, BLOCK_UNITS, Remaining, remaining
from acceptlab.analysis.run.console import Meminfo
from acceptlab.analysis.run.run_info import FIRST, SECOND
from acceptlab.analysis.run.typed_json import Range
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS
from acceptlab.analysis.trace.schema import Kind, Stage

WRONG = "the kernel's count of unaccepted memory is wrong"
NODE_WRONG = "the kernel's count of a node's unaccepted memory is wrong"
INCONSISTENT = "Unaccepted and nr_unaccepted disagree"

_MOMENTS = (Stage.USERSPACE, Stage.SECOND_DECOMPRESSOR, Stage.SECOND_USERSPACE)
END_SLACK = 32 << 20
"""Bytes that may be accepted between the guest's last count and the end of the run."""
LISTED_SLACK = 2 * BLOCK_SIZE
"""Bytes of blocks that others accepted while they were on the kernel's list, one at each end of what early allocations accepted.

Without a probe on the kernel's requests nobody knows how many there are.
"""

_SECOND_LABEL = "second_"
"""Begins the labels of a second kernel's init (toolkit/guest/init.c)."""


class Counter(Invariant):
    """The guest prints its counter once userspace runs and again at the end.

    Memory only ever gets accepted, so a count printed in between lies between what is left at
    the first instruction of userspace and what is left at the end. The counter works in blocks
    of 4 MiB, of which the guard unit may have taken a part (see ``Remaining``), or even all that
    was left (see ``ListedBlocks``). Threads that accept
    in the background go on between two counts, and from the last one to the end. A second kernel
    has a userspace and a counter of its own; one that a crash started has only the memory set
    apart for it, and its counter does not cover the rest.
    """

    name = "I10"
    title = "nr_unaccepted equals the unaccepted memory"
    rule = (
        "The counter equals the blocks on the kernel's list, up to one unit per block that is"
        " accepted partially (Linux, mm/page_alloc.c)."
    )
    needs = frozenset({"accept", "stage", RESULTS, EARLY, HANDOFF})

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._at: dict[Stage, Remaining] = {}
        self._nodes_at: dict[Stage, list[Remaining]] = {}
        self._listed = {
            Stage.USERSPACE: ListedBlocks(self.info, FIRST),
            Stage.SECOND_USERSPACE: ListedBlocks(self.info, SECOND),
        }
        self._states = PageStates(0)

    def watch(self, step: Step) -> None:
        batch = step.batch
        self._states = step.states
        if batch["kind"][0] == Kind.STAGE:
            stage = int(batch["detail"][0])
            if stage in _MOMENTS:
                self._at.setdefault(Stage(stage), self._left_at(Stage(stage), step.states))
                self._nodes_at.setdefault(Stage(stage), self._nodes_left(step.states))
        for listed in self._listed.values():
            listed.watch(step)

    def finish(self) -> InvariantResult:
        if not self.info.handoff.unaccepted:
            return self.result(Status.NOT_APPLICABLE, "Firmware left nothing unaccepted.")
        counts = self._counts()
        if not counts:
            why = "The guest printed no count of unaccepted memory."
            return self.result(Status.NOT_DECIDABLE, why)
        if Stage.USERSPACE not in self._at:
            return self.result(
                Status.NOT_DECIDABLE, "The trace does not show the start of userspace."
            )
        if "mem=" in self.info.command_line or "memmap=" in self.info.command_line:
            why = "The command line removes memory, which the counter excludes."
            return self.result(Status.NOT_DECIDABLE, why)
        at_end = self._left(self._states)
        if not self.shows(*self.needs):
            return self.result(Status.NOT_DECIDABLE, "")
        for count in counts:
            self._check(count, *self._between(count, at_end))
        self._check_nodes()
        self.looked_at = len(counts)
        told = f"The guest's {len(counts)} counts are within the tolerance of a guard unit"
        left = f"{at_end.bytes >> 20} MiB are unaccepted at the end"
        return self.result(Status.HOLDS, f"{told}; {left}.")

    def _counts(self) -> list[Meminfo]:
        crashed = self.info.second is not None and self.info.second.started_by == "kdump"
        return [
            one
            for one in self.context.console.meminfo
            if one.unaccepted is not None and not (crashed and _of_second(one))
        ]

    def _between(self, count: Meminfo, at_end: Remaining) -> tuple[Remaining, Remaining]:
        """What was left when the userspace that printed the count began, and when its kernel ended."""
        first = self._at[Stage.USERSPACE]
        if _of_second(count):
            return self._at.get(Stage.SECOND_USERSPACE, first), at_end
        return first, self._at.get(Stage.SECOND_DECOMPRESSOR, at_end)

    def _left_at(self, stage: Stage, states: PageStates) -> Remaining:
        """What is left where a userspace begins, with all blocks that its kernel may have on the list."""
        left = self._left(states)
        if stage not in self._listed:
            return left
        listed = self._listed[stage]
        slack = 0 if listed.is_known else LISTED_SLACK
        return replace(left, most=left.most + slack if listed.most is None else listed.most)

    def _left(self, states: PageStates) -> Remaining:
        return remaining(states, self.info.handoff.unaccepted)

    def _check(self, count: Meminfo, first: Remaining, last: Remaining) -> None:
        if count.unaccepted is None:
            return
        moving = self.info.machine.accepts_in_background
        differ = count.nr_unaccepted not in (None, count.unaccepted)
        if differ and not moving:
            self._add(
                INCONSISTENT,
                f"At '{count.label}' meminfo says {count.unaccepted} bytes and vmstat "
                f"{count.nr_unaccepted}.",
                count,
                first,
                last,
            )
        low, high = last.least, first.most + _blocks(self.context.wrong_bits.late)
        if count.label in ("end", f"{_SECOND_LABEL}end") and not moving:
            high = min(high, last.most + END_SLACK + _blocks(self.context.wrong_bits.late))
        low -= min(low, _blocks(self.context.wrong_bits.early))
        if not low <= count.unaccepted <= high:
            self._add(
                WRONG,
                f"At '{count.label}' the kernel counts {count.unaccepted} bytes; from its accepts it "
                f"must be between {low} and {high}.",
                count,
                first,
                last,
            )

    def _nodes_left(self, states: PageStates) -> list[Remaining]:
        """What is left of each NUMA node; nothing where there are no nodes."""
        spans = self.info.handoff.nodes
        return [
            remaining(states, _inside(self.info.handoff.unaccepted, spans, node))
            for node in range(1 + max((node for _, _, node in spans), default=-1))
        ]

    def _check_nodes(self) -> None:
        """The counts of nodes lie between what was left of each when userspace began and when its kernel ended."""
        first = self._nodes_at[Stage.USERSPACE]
        last = self._nodes_at.get(Stage.SECOND_DECOMPRESSOR) or self._nodes_left(self._states)
        wrong_bits = self.context.wrong_bits
        for count in self.context.console.nodes:
            if count.label.startswith(_SECOND_LABEL) or count.node >= len(first):
                continue
            left, at_end = first[count.node], last[count.node]
            low = at_end.least - min(at_end.least, _blocks(wrong_bits.early))
            high = left.most + LISTED_SLACK + _blocks(wrong_bits.late)
            if low <= count.unaccepted <= high:
                continue
            why = (
                f"At '{count.label}' the kernel counts {count.unaccepted} bytes of node {count.node}; from its accepts it must be "
                f"between {low} and {high}."
            )
            one = Suspicion(NODE_WRONG, why, [])
            one.more = {"label": count.label, "node": count.node, "counted": count.unaccepted}
            self.suspects(NODE_WRONG).add(1, [one])

    def _add(self, title: str, why: str, count: Meminfo, first: Remaining, last: Remaining) -> None:
        one = Suspicion(title, why, [])
        one.more = {
            "label": count.label,
            "counted": count.unaccepted,
            "unaccepted_at_userspace": first.bytes,
            "unaccepted_at_end": last.bytes,
        }
        self.suspects(title).add(1, [one])


def _blocks(units: set[int]) -> int:
    """Bytes of the blocks that hold units whose bits are wrong: the counter follows the bitmap, and I4 reports that."""
    return len({unit // BLOCK_UNITS for unit in units}) * BLOCK_SIZE


def _inside(
    ranges: Sequence[Range], spans: Sequence[tuple[int, int, int]], node: int
) -> list[Range]:
    """What of (start, size) ranges lies in the spans of a node."""
    return [
        (max(start, low), min(start + size, low + length) - max(start, low))
        for start, size in ranges
        for low, length, owner in spans
        if owner == node and max(start, low) < min(start + size, low + length)
    ]


def _of_second(count: Meminfo) -> bool:
    return count.label.startswith(_SECOND_LABEL)
