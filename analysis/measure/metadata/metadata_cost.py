# SPDX-License-Identifier: GPL-2.0-only
"""What each way of tracking would have had to hold and to do in a recorded boot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.kernel_facts import FIRST_STRUCT_PAGES, LAST_STRUCT_PAGES
from acceptlab.analysis.kernel.versions import in_force, version_of
from acceptlab.analysis.measure.metadata.map_entries import Entries
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.typed_json import Range
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.schema import PAGE_SIZE, PAGES_PER_UNIT, UNIT_SIZE, Kind, Stage

LAST = in_force(LAST_STRUCT_PAGES)[-1]
_FIRST_KERNEL = (Stage.DECOMPRESSOR, Stage.KERNEL, Stage.USERSPACE)

STRUCT_PAGE = 64
"""Bytes: sizeof(struct page) on x86-64 (Linux, include/linux/mm_types.h)."""
MEMBLOCK_REGION = 24
"""Bytes: base, size, flags and node (Linux, include/linux/memblock.h)."""
E820_ENTRY = 20
"""Bytes: address, size and type (Linux, arch/x86/include/uapi/asm/setup_data.h and e820.h)."""
E820_ROOM = 128
"""Entries that the zero page has room for (E820_MAX_ENTRIES_ZEROPAGE): what a kernel that is started by kexec gets."""


@dataclass(frozen=True)
class Tracking:
    """Of one run, in bytes unless said otherwise. ``decompressor``, ``no_struct_page``, ``deferred`` and ``later`` share
    out what was accepted: by the decompressor, before any struct page, before all of them, and after.

    ``entries`` are those of a map of unaccepted memory: at boot handoff, the most, and at the end; ``changes`` and ``moved``
    count rewrites of it and entries that these moved.
    """

    name: str
    memory: int
    units: int
    accepted_units: int
    decompressor: int
    no_struct_page: int
    deferred: int
    later: int
    entries: tuple[int, int, int]
    changes: int
    moved: int

    @property
    def accepted(self) -> int:
        """All that was accepted of what firmware left unaccepted."""
        return self.decompressor + self.no_struct_page + self.deferred + self.later

    @property
    def bitmap(self) -> int:
        """Of the bitmap and the claims: a bit each for every unit."""
        return 2 * -(-self.units // 8)

    @property
    def memblock(self) -> int:
        """Of the most entries, as memblock has them."""
        return self.entries[1] * MEMBLOCK_REGION

    @property
    def struct_pages(self) -> int:
        """Of the struct pages of all memory, without which no page has a flag."""
        return self.memory // PAGE_SIZE * STRUCT_PAGE


def measure(run: Run) -> Tracking:
    """Go through a run's events once. Raises BadInput for a run that does not say when there are struct pages."""
    when = {probe.name: at for at, probe in enumerate(run.info.probes)}
    recorded = [name for name in in_force(FIRST_STRUCT_PAGES) if name in when]
    first = recorded[-1] if recorded else probes_for(run.info.kernel.version)[0]
    if missing := [name for name in (first, LAST) if name not in when]:
        raise BadInput(
            f"{run.path}: the time when struct pages become available is not recorded: record the run with "
            + " ".join(f"--probe {name}" for name in missing)
        )
    return _Pass(run, when[first], when[LAST]).result()


def probes_for(release: str) -> tuple[str, str]:
    """The functions to watch in a kernel: those before whose return there is no, or not every, struct page."""
    version = version_of(release)
    return in_force(FIRST_STRUCT_PAGES, version)[0], LAST


class _Pass:
    """One walk over the events; the share of a page is where it was accepted first."""

    def __init__(self, run: Run, first: int, last: int) -> None:
        self._run = run
        self._returns = {first: "deferred", last: "later"}
        self._left = _pages_by_unit(run.info.handoff.unaccepted)
        self._units = len(self._left)
        self._entries = Entries(self._left)
        self._begun = len(self._entries)
        self._seen: set[int] = set()
        self._returned: set[int] = set()
        self._now = "no_struct_page"
        self._shares: Counter[str] = Counter()

    def result(self) -> Tracking:
        columns = ["kind", "stage", "gpa", "size", "result", "carry", "detail"]
        for batch in EventFile(self._run.events_path).batches(columns):
            for kind, stage, gpa, size, detail in _interesting(batch):
                if kind == Kind.PROBE_RETURN:
                    self._returned.add(detail)
                    self._now = self._returns.get(detail, self._now)
                elif stage in _FIRST_KERNEL:
                    share = "decompressor" if stage == Stage.DECOMPRESSOR else self._now
                    self._shares[share] += PAGE_SIZE * self._accept(gpa, size)
        self._check_probes()
        entries = self._entries
        return Tracking(
            name=self._run.path.name,
            memory=self._run.info.machine.memory,
            units=self._units,
            accepted_units=entries.changes,
            decompressor=self._shares["decompressor"],
            no_struct_page=self._shares["no_struct_page"],
            deferred=self._shares["deferred"],
            later=self._shares["later"],
            entries=(self._begun, entries.most, len(entries)),
            changes=entries.changes,
            moved=entries.moved,
        )

    def _check_probes(self) -> None:
        """Both functions return in every boot: a probe that saw nothing would give all shares to one phase."""
        info = self._run.info
        silent = [info.probes[at].name for at in self._returns if at not in self._returned]
        if silent and info.outcome == "userspace":
            raise BadInput(
                f"{self._run.path}: the probe on {silent[0]} never fired, so the time when struct pages become available is not known"
            )

    def _accept(self, gpa: int, size: int) -> int:
        """Note that pages are accepted; return how many of them had been unaccepted since boot handoff."""
        pages = 0
        for start, end in _by_unit(gpa, gpa + size):
            unit = start // UNIT_SIZE
            if not self._left.get(unit):
                continue
            if end - start == UNIT_SIZE:
                found, self._left[unit] = self._left[unit], 0
            else:
                new = [
                    page
                    for page in range(start // PAGE_SIZE, end // PAGE_SIZE)
                    if page not in self._seen
                ]
                self._seen.update(new)
                found = min(len(new), self._left[unit])
                self._left[unit] -= found
            pages += found
            if not self._left[unit]:
                self._entries.accept(unit)
        return pages


def _interesting(batch: Batch) -> Iterator[tuple[int, int, int, int, int]]:
    """(kind, stage, gpa, size, detail) of accepts that succeeded, and of returns from probes."""
    accepts = (batch["kind"] == Kind.ACCEPT) & (batch["result"] == 0) & (batch["carry"] != 1)
    wanted = np.flatnonzero(accepts | (batch["kind"] == Kind.PROBE_RETURN))
    names = ("kind", "stage", "gpa", "size", "detail")
    yield from zip(*(batch[name][wanted].tolist() for name in names), strict=True)


def _by_unit(start: int, end: int) -> Iterator[Range]:
    while start < end:
        stop = min(end, (start // UNIT_SIZE + 1) * UNIT_SIZE)
        yield start, stop
        start = stop


def _pages_by_unit(ranges: tuple[Range, ...]) -> dict[int, int]:
    """How many pages of each unit are unaccepted at boot handoff."""
    pages: Counter[int] = Counter()
    for start, size in ranges:
        for low, high in _by_unit(start, start + size):
            pages[low // UNIT_SIZE] += (high - low) // PAGE_SIZE
    assert all(count <= PAGES_PER_UNIT for count in pages.values())
    return dict(pages)
