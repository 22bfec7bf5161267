# SPDX-License-Identifier: GPL-2.0-only
"""What real firmware did before the kernel took over, and what it did wrong: "firmware, not your kernel".

Firmware's events lie in a file of their own; no invariant sees them. What its memory map says is compared with the true page
states at the moment when the kernel ended the boot services: a kernel that goes by a wrong map is not to blame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import field

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.verdict import GUEST, Finding
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.transitions import Breach, Op, ops_of
from acceptlab.analysis.records import record
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Firmware, RunInfo
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.schema import (
    COLUMNS,
    CONVERT_IMPLICIT,
    PAGE_SIZE,
    UNIT_SIZE,
    ConvertTo,
    Kind,
    Stage,
)

NOT_YOURS = "firmware, not your kernel"
_COLUMNS = tuple(name for name in COLUMNS if name not in ("rip", "caller", "duration"))
UNACCEPTED = 15
"""EfiUnacceptedMemoryType (UEFI specification 2.10, 7.2.1)."""
_USABLE = (1, 2, 3, 4, 7)
"""Loader, boot services and conventional memory: what a kernel may use as RAM after ExitBootServices()."""
_BREACHES = {
    Breach.ACCEPT_TWICE | Breach.ACCEPT_AGAIN: "accepted {} that it had accepted already",
    Breach.ACCEPT_NOT_RAM: "accepted {} that is not RAM",
    Breach.SHARE_HELD: "converted {} to shared without a rescind",
}
_LISTED = 3
Spans = list[tuple[int, int]]
"""Memory as (start, end), in order, of which no two touch."""


@record
class FirmwareActs:
    """Firmware's acts until the kernel took over. Sizes in bytes, ``clock`` as run.json's `clock` says."""

    accepted: int = 0
    accepts_2m: int = 0
    accepts_4k: int = 0
    conversions: int = 0
    implicit: int = 0
    clock: int = 0
    by_stub: int = 0
    """Accepts, rescinds and conversions by the kernel's own EFI stub, before it ended the boot services."""
    deviations: list[str] = field(default_factory=list)
    map_errors: list[str] = field(default_factory=list)
    """Deviations of the memory map that it gave to the kernel."""
    misled: Spans = field(default_factory=list)
    """Memory about which firmware's map misleads the kernel."""

    def summary(self, clock: str) -> str:
        """One line for people."""
        implicit = f", {self.implicit:,} of them implicit" if self.implicit else ""
        return (
            f"accepted {self.accepted / (1 << 20):,.1f} MiB ({self.accepts_2m:,} x 2M, {self.accepts_4k:,} x 4K), "
            f"{self.conversions:,} conversions{implicit}, {self.clock:,} {clock} before the kernel"
        )


def firmware_acts(run: Run) -> FirmwareActs | None:
    """Return what firmware did in a run; None where there was none, or its events were not recorded.

    Raises BadInput when the file with its events is damaged.
    """
    firmware = run.info.firmware
    if firmware is None or not run.firmware_path.is_file():
        return None
    follow = _Follow(run.info)
    for batch in EventFile(run.firmware_path).batches(_COLUMNS):
        follow.batch(batch)
    acts = follow.finish()
    if firmware.kernel_took_over:
        _compare_map(run.info, firmware, follow.shared, acts)
    return acts


class _Follow:
    """Goes through firmware's events."""

    def __init__(self, info: RunInfo) -> None:
        top = max((start + size for start, size in info.handoff.ram), default=0)
        self.states = PageStates(top)
        self.shared: npt.NDArray[np.bool_] = np.zeros(
            self.states.units * (UNIT_SIZE // PAGE_SIZE), np.bool_
        )
        self._platform = platform_of(info.platform)
        self._breaches = dict(_BREACHES)
        if not self._platform.rescinds:
            del self._breaches[Breach.SHARE_HELD]
        self._acts = FirmwareActs()
        self._pages: Counter[str] = Counter()

    def batch(self, batch: Batch) -> None:
        kind, size, result = batch["kind"], batch["size"], batch["result"]
        ops = ops_of(batch)
        accepts = ops == Op.ACCEPT
        acts = self._acts
        acts.accepted += int(size[accepts].sum())
        acts.accepts_2m += int((size[accepts] >= UNIT_SIZE).sum())
        acts.accepts_4k += int((size[accepts] < UNIT_SIZE).sum())
        converts = kind == Kind.CONVERT
        acts.conversions += int(converts.sum())
        acts.implicit += int((batch["detail"][converts] & np.uint64(CONVERT_IMPLICIT) != 0).sum())
        changes = np.isin(kind, [Kind.ACCEPT, Kind.RESCIND, Kind.RELEASE, Kind.CONVERT])
        acts.by_stub += int((changes & (batch["stage"] == Stage.DECOMPRESSOR)).sum())
        acts.clock = int(batch["clock"][-1])
        self._note_shared(batch, converts)
        self._note_breaches(batch, ops)
        refused = kind == Kind.ACCEPT
        refused &= batch["carry"] == 1
        if self._platform.already_accepted is not None:
            status = result >> np.uint64(self._platform.status_shift)
            refused |= (kind == Kind.ACCEPT) & (status == self._platform.already_accepted)
        self._pages["accepted {} that it had accepted already"] += int(size[refused].sum())
        for one, words in (
            (Kind.CIPHERTEXT, "read {} of its own private memory through a shared mapping"),
            (Kind.DMA_REFUSED, "had a device access {} of private memory"),
            (Kind.STOP, "ended by a fatal exit at {}"),
        ):
            self._pages[words] += int((kind == one).sum()) * PAGE_SIZE
        implicit = converts & (batch["detail"] & np.uint64(CONVERT_IMPLICIT) != 0)
        self._pages["accessed {} as shared without a page state change"] += int(
            size[implicit].sum()
        )

    def _note_shared(self, batch: Batch, converts: npt.NDArray[np.bool_]) -> None:
        for place in np.flatnonzero(converts & (batch["result"] == 0)):
            first = int(batch["gpa"][place]) // PAGE_SIZE
            behind = first + int(batch["size"][place]) // PAGE_SIZE
            to = int(batch["detail"][place]) & 0xFF
            self.shared[first:behind] = to == ConvertTo.SHARED

    def _note_breaches(self, batch: Batch, ops: npt.NDArray[np.uint8]) -> None:
        for one in self.states.apply(batch, ops):
            for breach, words in self._breaches.items():
                wrong = (one.breach & np.uint8(breach)) != 0
                self._pages[words] += int(wrong.sum()) * one.size

    def finish(self) -> FirmwareActs:
        for words, size in self._pages.items():
            if size:
                self._acts.deviations.append(words.format(_amount(size)))
        return self._acts


def _compare_map(
    info: RunInfo,
    firmware: Firmware,
    shared: npt.NDArray[np.bool_],
    acts: FirmwareActs,
) -> None:
    """What firmware's memory map has wrong, given what is accepted where the kernel takes over."""
    ram = _united((start, start + size) for start, size in info.handoff.ram)
    accepted = _united((start, start + size) for start, size in info.handoff.accepted)
    listed = [(start, start + size, kind) for start, size, kind in firmware.memory_map]
    unaccepted = _united((start, end) for start, end, kind in listed if kind == UNACCEPTED)
    usable = _united((start, end) for start, end, kind in listed if kind in _USABLE)
    everything = _united((start, end) for start, end, _ in listed)
    given_up = _spans_of(shared)
    for spans, words in (
        (_both(unaccepted, accepted), "lists {} as unaccepted that is accepted"),
        (
            _without(_both(usable, ram), _united([*accepted, *unaccepted, *given_up])),
            "lists {} as usable that nobody accepted, and not as unaccepted",
        ),
        (_twice(listed), "lists {} twice in its memory map"),
        (_without(_both(unaccepted, everything), ram), "lists {} as unaccepted that is not RAM"),
    ):
        if spans:
            places = ", ".join(f"{start:#x}-{end:#x}" for start, end in spans[:_LISTED])
            more = f" and {len(spans) - _LISTED} more ranges" if len(spans) > _LISTED else ""
            size = sum(end - start for start, end in spans)
            acts.map_errors.append(f"{words.format(_amount(size))} ({places}{more})")
            acts.misled = _united([*acts.misled, *spans])


def kernels_own(
    findings: Sequence[Finding], acts: FirmwareActs | None
) -> tuple[list[Finding], list[str]]:
    """Return the findings that are the kernel's own, and reasons for not blaming it for the others.

    What follows from a wrong memory map of firmware's is none of the kernel's; nor is what it prints, or that it dies, once
    firmware has misled it.
    """
    if acts is None or not acts.misled:
        return list(findings), []
    own = [one for one in findings if not _is_misled(one, acts.misled)]
    titles = dict.fromkeys(one.title for one in findings if one not in own)
    reasons = [f"{NOT_YOURS}: it {one}." for one in acts.map_errors] if titles else []
    return own, reasons + ([f"From that follows: {'; '.join(titles)}."] if titles else [])


def _is_misled(finding: Finding, misled: Spans) -> bool:
    if finding.invariant == GUEST:
        return True
    gpa = finding.evidence.get("gpa")
    if gpa is None:
        return True
    start = int(str(gpa), 16)
    end = start + max(int(finding.evidence.get("size") or 0), 1)
    return any(low < end and start < high for low, high in misled)


def lines_of(acts: FirmwareActs | None, info: RunInfo) -> list[str]:
    """Lines about firmware for a verdict: what it did, then each deviation."""
    if info.firmware is None:
        return []
    lines = [f"firmware: {info.firmware.title}: {acts.summary(info.clock)}"] if acts else []
    if info.firmware.kernel_took_over is False:
        lines.append(f"{NOT_YOURS}: it ended before a kernel took over")
    wrong = [*acts.deviations, *acts.map_errors] if acts else []
    return lines + [f"{NOT_YOURS}: it {one}" for one in wrong]


def _amount(size: int) -> str:
    if size >= 1 << 20:
        return f"{size / (1 << 20):,.1f} MiB"
    pages = size // PAGE_SIZE
    return f"{pages:,} page{'s' if pages != 1 else ''}"


# ---- spans --------------------------------------------------------------------------------


def _united(spans: Iterable[tuple[int, int]]) -> Spans:
    found: Spans = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif end > start:
            found.append((start, end))
    return found


def _both(one: Spans, other: Spans) -> Spans:
    found, left, right = [], 0, 0
    while left < len(one) and right < len(other):
        start, end = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if start < end:
            found.append((start, end))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return found


def _without(spans: Spans, other: Spans) -> Spans:
    found, at = [], 0
    for start, end in spans:
        while at < len(other) and other[at][1] <= start:
            at += 1
        place = at
        while place < len(other) and other[place][0] < end:
            if other[place][0] > start:
                found.append((start, other[place][0]))
            start = max(start, other[place][1])
            place += 1
        if start < end:
            found.append((start, end))
    return found


def _twice(listed: Iterable[tuple[int, int, int]]) -> Spans:
    """What more than one descriptor covers."""
    found: Spans = []
    reach = 0
    for start, end, _ in sorted(listed):
        if start < min(reach, end):
            found.append((start, min(reach, end)))
        reach = max(reach, end)
    return _united(found)


def _spans_of(pages: npt.NDArray[np.bool_]) -> Spans:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], pages, [False])).astype(np.int8)))
    return [
        (int(start) * PAGE_SIZE, int(end) * PAGE_SIZE)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
